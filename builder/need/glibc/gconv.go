package glibc

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits on the lists of converters.
const (
	maxModules = 1 << 20 // bytes of one list
	maxAliases = 16      // aliases of aliases
)

// converters are the lists of one directory of converters (iconvconfig(8)).
type converters struct {
	dir     string
	lists   []string            // their files
	aliases map[string]string   // name to name
	modules map[string][]string // character set to files
}

// converters asks for the converters of the character sets that a program or a
// command line names.
func (p *Provider) converters(ctx context.Context, env *need.Env, v need.Visit, out *need.Found) error {
	set, err := p.set(ctx, env, v)
	if set == nil || err != nil {
		return err
	}
	text, err := p.elf.Text(ctx, env.Tree, v.Path)
	if err != nil {
		return err
	}
	var files []string
	for _, s := range text.Strings {
		files = append(files, set.find(s)...)
	}
	for _, line := range env.Lines {
		for _, a := range line {
			_, value, _ := strings.Cut(a, "=")
			files = append(append(files, set.find(a)...), set.find(value)...)
		}
	}
	slices.Sort(files)
	files = slices.Compact(files)
	for _, f := range files {
		out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: path.Join(set.dir, f), By: v.Path, Reason: fmt.Sprintf("converter of a character set that %s names, for iconv_open", v.Path), Strength: need.Expected})
	}
	if len(files) > 0 {
		for _, l := range set.lists {
			out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: l, By: v.Path, Reason: "list of converters, for iconv_open of " + v.Path, Strength: need.Expected})
		}
	}
	return nil
}

// set reads the lists of the C library that a file is linked to, nil when it
// has none.
func (p *Provider) set(ctx context.Context, env *need.Env, v need.Visit) (*converters, error) {
	finder, err := elf.NewFinder(ctx, env.Tree, v.Path, elf.Options{LibraryPath: env.LibraryPath(), Files: p.elf})
	if err != nil {
		return nil, fmt.Errorf("looking for converters: %w", err)
	}
	libc, err := finder.Find("libc.so.6")
	if libc == "" || err != nil {
		return nil, err
	}
	dir := path.Join(path.Dir(libc), "gconv")
	if s, ok := p.sets[dir]; ok {
		return s, nil
	}
	s, err := readConverters(ctx, env, dir)
	if err != nil {
		return nil, fmt.Errorf("reading the list of converters: %w", err)
	}
	p.sets[dir] = s
	return s, nil
}

// readConverters reads gconv-modules and the lists beside it.
func readConverters(ctx context.Context, env *need.Env, dir string) (*converters, error) {
	s := &converters{dir: dir, aliases: map[string]string{}, modules: map[string][]string{}}
	names := []string{path.Join(dir, "gconv-modules")}
	res, err := tree.Resolve(ctx, env.Tree, path.Join(dir, "gconv-modules.d"))
	switch {
	case need.Missing(err), err == nil && !res.Entry.IsDir():
	case err != nil:
		return nil, err
	default:
		entries, err := env.Tree.ReadDir(ctx, res.Path)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name, ".conf") {
				names = append(names, path.Join(dir, "gconv-modules.d", e.Name))
			}
		}
	}
	for _, name := range names {
		res, err := tree.Resolve(ctx, env.Tree, name)
		if need.Missing(err) || err == nil && (!res.Entry.IsRegular() || res.Entry.Size > maxModules) {
			continue
		}
		if err != nil {
			return nil, err
		}
		data, err := tree.ReadFile(ctx, env.Tree, name, maxModules)
		if err != nil {
			return nil, err
		}
		s.lists = append(s.lists, name)
		s.parse(string(data))
	}
	return s, nil
}

// parse reads one list: "alias NAME// NAME//" and "module FROM// TO// FILE COST",
// where INTERNAL is glibc's own form.
func (s *converters) parse(text string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		switch {
		case len(f) >= 3 && f[0] == "alias":
			s.aliases[charset(f[1])] = charset(f[2])
		case len(f) >= 4 && f[0] == "module":
			file := f[3]
			if !strings.HasSuffix(file, ".so") {
				file += ".so"
			}
			for _, c := range f[1:3] {
				if c = charset(c); c != "INTERNAL" && !slices.Contains(s.modules[c], file) {
					s.modules[c] = append(s.modules[c], file)
				}
			}
		}
	}
}

// charset takes the slashes behind a name off.
func charset(name string) string { return strings.ToUpper(strings.TrimRight(name, "/")) }

// find gives the files that convert a character set, none when it is not known.
func (s *converters) find(name string) []string {
	if len(name) < 2 || len(name) > 64 || strings.ContainsAny(name, " \t\n%") {
		return nil
	}
	name, _, _ = strings.Cut(name, "//") // EUC-JP//TRANSLIT
	name = strings.ToUpper(name)
	for range maxAliases {
		to, ok := s.aliases[name]
		if !ok {
			break
		}
		name = to
	}
	return s.modules[name]
}
