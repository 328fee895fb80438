// Package python knows CPython: how commands start it, the standard library
// and packages that it reads, what sources are seen to use, and what of a
// Python installation no program needs to run.
package python

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/source"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits on what is read of an application.
const (
	maxSources = 400     // files, each of which may be a request to a builder
	maxSource  = 1 << 20 // bytes of one
)

// A Runtime launches programs of CPython and knows what they need. It keeps
// what it has read, and is for one tree and environment.
type Runtime struct {
	elf      *elf.Files
	found    map[string]*interpreter // by the directory of the standard library
	usages   map[string]usage        // by the path of the source
	resolved map[string]*need.Found  // what a source needs, by its path
	mains    map[string]string       // main files and modules, and the instructions that start them
}

// New returns a runtime that reads ELF files through what others have read.
func New(files *elf.Files) *Runtime {
	return &Runtime{files, map[string]*interpreter{}, map[string]usage{}, map[string]*need.Found{}, map[string]string{}}
}

// Interprets reports whether a file, by its name, runs programs of CPython: an
// interpreter, its library, or a module of its standard library.
func Interprets(name string) bool {
	return IsProgram(name) || shared().MatchString(path.Base(name)) || path.Base(path.Dir(name)) == "lib-dynload"
}

// Claims implements need.Provider: interpreters by their names, and libpython
// in any program.
func (r *Runtime) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program:
		return strings.HasPrefix(string(v.Head), "\x7fELF") && (IsProgram(v.Path) || IsProgram(v.Need.Path))
	case need.Library, need.Module:
		return shared().MatchString(path.Base(v.Path))
	}
	return false
}

// Needs implements need.Provider.
func (r *Runtime) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var in *interpreter
	var err error
	if v.Need.Kind == need.Program {
		in, err = find(ctx, env.Tree, v.Need.Path)
	} else {
		in, err = embedded(ctx, env.Tree, v.Path)
	}
	if err != nil {
		return need.Found{}, blame(err, v.Need.Instruction)
	}
	if in == nil && v.Need.Kind != need.Program && v.Need.Instruction == "" {
		return need.Found{}, nil // nothing that starts loads it, and nothing would be found in the built image
	}
	if in == nil {
		return need.Found{}, &image.UnsupportedError{Instruction: v.Need.Instruction, Why: fmt.Sprintf("no standard library was found for the Python of %s", v.Need.Path)}
	}
	r.found[in.library] = in
	out := need.Found{Facts: []need.Fact{
		{Kind: need.Accounts, Reason: v.Path + " looks up the home of its user"},
		{Kind: need.Home, Reason: v.Path + " looks for the home of its user"},
		{Kind: need.Temp, Reason: v.Path + " has modules that keep temporary files"},
		{Kind: need.Variable, Subject: "PYTHONDONTWRITEBYTECODE=1", Reason: "what would be written is in the image already, or is lost with the container"},
		{Kind: need.SearchDir, Subject: in.library, Reason: "Python looks for modules there"},
	}}
	library, err := in.standardLibrary(ctx, env.Tree)
	if err != nil {
		return out, fmt.Errorf("reading the standard library of %s: %w", in.program, err)
	}
	out.Needs = append(out.Needs, library...)
	for _, dir := range append([]string{in.library}, in.sites(env)...) {
		if IsProgram(in.program) { // one inside of another program cannot be run on its own
			out.Facts = append(out.Facts, need.Fact{Kind: need.Bytecode, Subject: dir, Reason: in.program})
		}
	}
	for _, site := range in.sites(env) {
		packages, err := in.packages(ctx, env.Tree, site)
		if err != nil {
			return out, fmt.Errorf("reading the packages in %s: %w", site, err)
		}
		out.Needs = append(out.Needs, packages...)
	}
	more := []string{path.Join("/etc", "python"+in.version, "sitecustomize.py"), path.Join(in.prefix, "lib", "python"+strings.ReplaceAll(in.version, ".", "")+".zip"), in.program + "._pth"}
	if in.venv != "" {
		more = append(more, path.Join(in.venv, "pyvenv.cfg"))
	}
	for _, name := range more {
		_, ok, err := tree.FindFile(ctx, env.Tree, name)
		if err != nil {
			return out, err
		}
		if ok {
			out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: name, By: v.Path, Reason: "settings of " + in.program, Strength: need.Expected})
		}
	}
	return out, nil
}

// Prunes implements need.Pruner.
func (r *Runtime) Prunes(ctx context.Context, env *need.Env, programs []string) (map[string]string, error) {
	candidates := slices.Clone(programs)
	for _, line := range env.Lines {
		for _, word := range line[:min(len(line), 4)] {
			if strings.Contains(word, "/") && IsProgram(word) {
				candidates = append(candidates, env.Abs(word))
			}
		}
	}
	for _, name := range programs {
		s, err := readScript(ctx, env, name)
		if err != nil {
			return nil, err
		}
		if s != nil && s.python != "" {
			candidates = append(candidates, s.python)
		}
	}
	starts := slices.ContainsFunc(candidates, IsProgram)
	if starts { // environments that come first along PATH
		for _, dir := range env.SearchPath() {
			candidates = append(candidates, path.Join(dir, "python3"), path.Join(dir, "python"))
		}
	}
	out := map[string]string{}
	for _, name := range candidates {
		if !IsProgram(name) {
			continue
		}
		in, err := find(ctx, env.Tree, name)
		if errors.As(err, new(*image.RefusedError)) || err == nil && in == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		more, err := in.prunable(ctx, env.Tree, env)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, more)
	}
	return out, nil
}

// Settle implements need.Settler: what the application's own sources and the
// packages in the image are known to use.
func (r *Runtime) Settle(ctx context.Context, env *need.Env, s *need.Set) (need.Found, error) {
	var out need.Found
	if len(r.found) == 0 {
		return out, nil
	}
	libraries := slices.Sorted(maps.Keys(r.found))
	seen := map[string]bool{}
	sources := 0
	for _, f := range s.Files() {
		if d, ok := distributionOf(f.Path); ok && f.Entry.IsRegular() {
			out.Components = append(out.Components, image.Component{Type: "pypi", Name: d.name, Version: d.version, Program: d.metadata})
			if !seen[d.name] {
				seen[d.name] = true
				if err := r.dependency(ctx, env, d.name, &out); err != nil {
					return out, err
				}
			}
			continue
		}
		if !ownSource(f, libraries) || sources == maxSources {
			continue
		}
		sources++
		found, err := r.source(ctx, env, f.Path)
		if err != nil {
			return out, err
		}
		if found != nil {
			out.Needs = append(out.Needs, found.Needs...)
			out.Facts = append(out.Facts, found.Facts...)
			out.Warnings = append(out.Warnings, found.Warnings...)
		}
	}
	err := r.judge(ctx, env, s, &out)
	return out, err
}

// ownSource reports whether a file is a source of the application, rather than
// of the standard library or of a package.
func ownSource(f *need.File, libraries []string) bool {
	if path.Ext(f.Path) != ".py" || !f.Entry.IsRegular() || f.Entry.Size > maxSource || strings.Contains(f.Path, "-packages/") {
		return false
	}
	return !slices.ContainsFunc(libraries, func(dir string) bool { return need.Below(f.Path, dir) }) && !strings.HasPrefix(f.Path, "/usr/share/") && !strings.HasPrefix(f.Path, "/usr/lib/")
}

// source reads one source, once.
func (r *Runtime) source(ctx context.Context, env *need.Env, name string) (*need.Found, error) {
	if f, ok := r.resolved[name]; ok {
		return f, nil
	}
	text, err := tree.ReadOptional(ctx, env.Tree, name, maxSource)
	if err != nil {
		return nil, err
	}
	found := &need.Found{}
	r.resolved[name] = found
	r.usages[name] = scan(string(text))
	return found, r.uses(ctx, env, name, r.usages[name], found)
}

// uses turns what a source shows into needs. where is the source, for people.
func (r *Runtime) uses(ctx context.Context, env *need.Env, where string, u usage, out *need.Found) error {
	at := func(m mention) string { return fmt.Sprintf("%s:%d", where, m.line) }
	wanted := map[string]mention{}
	for _, m := range u.imports {
		top, _, _ := strings.Cut(m.text, ".")
		if _, ok := wanted[top]; !ok && top != "" {
			wanted[top] = m
		}
	}
	for _, top := range slices.Sorted(maps.Keys(wanted)) {
		m := wanted[top]
		if top == "zoneinfo" || top == "pytz" || u.zones {
			out.Facts = append(out.Facts, need.Fact{Kind: need.Zones, Reason: where + " uses time zones"})
		}
		if err := r.wanted(ctx, env, top, where, at(m)+" imports "+top, out); err != nil {
			return err
		}
	}
	for _, m := range u.finds {
		if err := r.findLibrary(ctx, env, where, at(m), m.text, out); err != nil {
			return err
		}
	}
	for _, m := range u.libraries {
		if err := r.load(ctx, env, where, at(m)+" loads "+m.text, m.text, out); err != nil {
			return err
		}
	}
	for _, m := range u.programs {
		if err := source.Start(ctx, env, where, at(m), m.text, out); err != nil {
			return err
		}
	}
	for _, m := range u.shells {
		if err := source.RunShell(ctx, env, where, at(m), m.text, out); err != nil {
			return err
		}
	}
	paths := 0
	for _, m := range u.paths {
		if paths++; paths > 100 || strings.ContainsAny(m.text, "\n{}*?<>| ") || !path.IsAbs(m.text) {
			continue
		}
		out.Needs = append(out.Needs, need.Need{Kind: need.Named, Path: path.Clean(m.text), By: where, Reason: "named in " + at(m), Strength: need.Optional, Droppable: true})
	}
	return nil
}

// wanted asks for a module that is otherwise pruned.
func (r *Runtime) wanted(ctx context.Context, env *need.Env, top, by, reason string, out *need.Found) error {
	for _, library := range slices.Sorted(maps.Keys(r.found)) {
		in := r.found[library]
		for _, dir := range append([]string{library}, in.sites(env)...) {
			table := siteTable
			if dir == library {
				table = libraryTable
			}
			for _, name := range []string{top, top + ".py"} {
				if matching(table, name) == "" {
					continue
				}
				res, err := tree.Resolve(ctx, env.Tree, path.Join(dir, name))
				if need.Missing(err) {
					continue
				}
				if err != nil {
					return err
				}
				needs, err := in.files(ctx, env.Tree, res.Path, reason, func(string) bool { return false })
				if err != nil {
					return err
				}
				for i := range needs {
					needs[i].By = by
				}
				out.Needs = append(out.Needs, needs...)
				if top == "tkinter" {
					names, err := expand(ctx, env.Tree, library, "lib-dynload/_tkinter*.so")
					if err != nil {
						return err
					}
					for _, n := range names {
						out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: n, By: by, Reason: reason, Strength: need.Optional})
					}
				}
			}
		}
	}
	return nil
}

// dependency asks for what an installed package is known to use.
func (r *Runtime) dependency(ctx context.Context, env *need.Env, name string, out *need.Found) error {
	d, ok := dependencies()[name]
	if !ok {
		return nil
	}
	by := "the package " + name
	if d.zones {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Zones, Reason: by + " reads time zones"})
	}
	if d.mime {
		out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: "/etc/mime.types", By: by, Reason: "media types, for " + by, Strength: need.Optional})
	}
	for _, f := range d.find {
		if err := r.findLibrary(ctx, env, by, by, f, out); err != nil {
			return err
		}
	}
	for _, m := range d.modules {
		if err := r.wanted(ctx, env, m, by, by+" imports "+m, out); err != nil {
			return err
		}
	}
	for _, p := range d.programs {
		found, ok, err := env.LookPath(ctx, p)
		if err != nil {
			return err
		}
		if ok {
			out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: found, By: by, Reason: by + " starts it", Strength: need.Expected})
		}
	}
	if d.shell {
		if err := source.RunShell(ctx, env, by, by, "", out); err != nil {
			return err
		}
	}
	if d.writes != "" {
		out.Warnings = append(out.Warnings, image.NewWarning("", d.writes, "give it a directory that is mounted writable, or name one with writable:"))
	}
	return nil
}

// findLibrary asks for what ctypes.util.find_library needs: ldconfig, which it
// asks for the loader's cache (Lib/ctypes/util.py), and the library.
func (r *Runtime) findLibrary(ctx context.Context, env *need.Env, by, where, name string, out *need.Found) error {
	const ldconfig = "/sbin/ldconfig"
	res, err := tree.Resolve(ctx, env.Tree, ldconfig)
	if need.Missing(err) || err == nil && !res.Entry.IsRegular() {
		return nil // nor did it work in the built image
	}
	if err != nil {
		return err
	}
	reason := where + " calls find_library"
	out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: ldconfig, By: by, Reason: reason, Strength: need.Optional})
	out.Facts = append(out.Facts, need.Fact{Kind: need.LibraryCache, Reason: reason})
	if name == "" {
		return nil
	}
	cached, err := elf.CachedLibraries(ctx, env.Tree)
	if err != nil {
		return err
	}
	for _, so := range slices.Sorted(maps.Keys(cached)) {
		if strings.HasPrefix(so, "lib"+name+".so") {
			out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: cached[so], By: by, Reason: fmt.Sprintf("found by find_library(%q) of %s", name, where), Strength: need.Expected})
		}
	}
	return nil
}

// load asks for a library that the loader is given by name.
func (r *Runtime) load(ctx context.Context, env *need.Env, by, reason, name string, out *need.Found) error {
	if path.IsAbs(name) {
		out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: path.Clean(name), By: by, Reason: reason, Strength: need.Optional})
		return nil
	}
	for _, library := range slices.Sorted(maps.Keys(r.found)) {
		finder, err := elf.NewFinder(ctx, env.Tree, r.found[library].program, elf.Options{LibraryPath: env.LibraryPath(), Preload: env.Preload(), Files: r.elf})
		if err != nil {
			return err
		}
		at, err := finder.Find(name)
		if err != nil {
			return err
		}
		if at != "" {
			out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: at, By: by, Reason: reason, Strength: need.Expected})
		}
	}
	return nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Table prints what is pruned and what is not, for the manual.
func Table() string {
	var b strings.Builder
	rows := func(head string, table []pruned) {
		for _, row := range table {
			size := ""
			if row.bytes > 0 {
				size = image.FormatSize(row.bytes)
			}
			fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s |\n", head, row.pattern, size, row.why, row.source)
		}
	}
	b.WriteString("| left behind | bytes | it | source |\n| --- | --- | --- | --- |\n")
	rows("lib/pythonX.Y/", libraryTable)
	rows("site-packages/", siteTable)
	rows("", prefixTable)
	b.WriteString("\n| stays, although it looks as if it could go | | because | source |\n| --- | --- | --- | --- |\n")
	rows("", keptTable)
	return b.String()
}

// Dependencies prints what packages are known to use, for the manual.
func Dependencies() string {
	var b strings.Builder
	b.WriteString("| package | uses |\n| --- | --- |\n")
	for _, name := range slices.SortedFunc(maps.Keys(dependencies()), cmp.Compare[string]) {
		d := dependencies()[name]
		var uses []string
		if len(d.find) > 0 {
			uses = append(uses, "libraries `"+strings.Join(d.find, "`, `")+"`")
		}
		if len(d.programs) > 0 {
			uses = append(uses, "programs `"+strings.Join(d.programs, "`, `")+"`")
		}
		for _, x := range []struct {
			is   bool
			text string
		}{{d.zones, "time zones"}, {d.mime, "`/etc/mime.types`"}, {d.shell, "a shell"}, {len(d.modules) > 0, "`" + strings.Join(d.modules, "`, `") + "`"}} {
			if x.is {
				uses = append(uses, x.text)
			}
		}
		if d.writes != "" {
			uses = append(uses, d.writes)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(uses, ", "))
	}
	return b.String()
}
