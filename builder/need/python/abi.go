package python

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
)

// tagged matches the name of an extension module that is for one version of
// CPython, and what its platform ends with (PEP 3149; sysconfig's EXT_SUFFIX).
var tagged = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\.cpython-3(\d{1,2}t?)-[a-z0-9_]+-linux-([a-z0-9]+)\.so$`)
})

// modules are the extension modules of one package.
type modules struct {
	dir       string // the package
	fits      bool   // some are for the interpreter
	example   string // one that is not
	are, want string // what those are for, and what the interpreter is
}

// misfits finds the packages all of whose extension modules are for another
// interpreter than the image's, by their names: of another version, or another
// C library. They could not be imported in the built image either.
func (r *Runtime) misfits(ctx context.Context, env *need.Env, s *need.Set) (map[string]*modules, error) {
	interpreters := slices.Sorted(maps.Keys(r.found))
	if len(interpreters) != 1 { // which of them imports what is not known
		return nil, nil
	}
	in := r.found[interpreters[0]]
	libc := ""
	out := map[string]*modules{}
	for _, f := range s.Files() {
		m := tagged().FindStringSubmatch(f.Path)
		if m == nil || !f.Entry.IsRegular() {
			continue
		}
		dir, name := packageOf(f.Path)
		if name == "" {
			continue
		}
		if libc == "" {
			info, err := r.elf.Info(ctx, env.Tree, in.program)
			if err != nil {
				return nil, nil // what is wrong with it is said elsewhere
			}
			if libc = "gnu"; strings.Contains(info.Interp, "musl") {
				libc = "musl"
			}
		}
		p := out[name]
		if p == nil {
			p = &modules{dir: dir}
			out[name] = p
		}
		platform := m[2]
		if strings.HasPrefix(platform, "gnu") {
			platform = "gnu"
		}
		switch {
		case "3."+m[1] != in.version:
			p.example, p.are, p.want = f.Path, "Python 3."+m[1], "Python "+in.version
		case platform != libc:
			p.example, p.are, p.want = f.Path, "the C library "+libraries[platform], libraries[libc]
		default:
			p.fits = true
		}
	}
	maps.DeleteFunc(out, func(_ string, p *modules) bool { return p.fits })
	return out, nil
}

var libraries = map[string]string{"gnu": "glibc", "musl": "musl"}

// packageOf gives the package that a module below a directory of packages
// belongs to, by its directory and its name.
func packageOf(name string) (dir, top string) {
	at := strings.Index(name, "-packages/")
	if at < 0 {
		return "", ""
	}
	site, rest := name[:at+len("-packages")], name[at+len("-packages/"):]
	first, _, below := strings.Cut(rest, "/")
	if !below {
		first, _, _ = strings.Cut(first, ".")
	}
	return path.Join(site, first), first
}

// judge refuses an image whose main file or module imports a package that
// cannot be imported, and warns of the others.
func (r *Runtime) judge(ctx context.Context, env *need.Env, s *need.Set, out *need.Found) error {
	broken, err := r.misfits(ctx, env, s)
	if err != nil || len(broken) == 0 {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(broken)) {
		p := broken[name]
		what := fmt.Sprintf("the extension modules of %s are for %s, and the image has %s (%s)", p.dir, p.are, p.want, path.Base(p.example))
		const hint = "install it with the interpreter of the final stage: start both stages from the same Python image"
		for _, main := range slices.Sorted(maps.Keys(r.mains)) {
			u, ok := r.usages[main]
			if ok && slices.ContainsFunc(u.imports, func(m mention) bool { return m.first && (m.text == name || strings.HasPrefix(m.text, name+".")) }) {
				return &image.RefusedError{Instruction: r.mains[main], Message: fmt.Sprintf("%s imports %s, and %s", main, name, what), Hint: hint}
			}
		}
		out.Warnings = append(out.Warnings, image.NewWarning("", what+", so it cannot be imported", hint))
	}
	return nil
}
