package packages

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
)

// A Relation is one dependency: names of packages, or of what packages
// provide, any of which meets it, the preferred one first.
type Relation []string

// A Diversion is a path of one package that another moved away, so that its own
// file can have the name (dpkg-divert(1)).
type Diversion struct {
	From, To string
	By       string // the package that asked for it, "" for whoever runs the machine
}

// relationNames find packages by name and by what they provide.
type relationNames struct {
	once     sync.Once
	byName   map[string][]*Record
	provided map[string][]*Record
	base     map[*Record]bool // the base system
}

func (d *DB) relate(ctx context.Context) error {
	if err := d.load(ctx); err != nil {
		return err
	}
	d.names.once.Do(func() {
		d.names.byName, d.names.provided, d.names.base = map[string][]*Record{}, map[string][]*Record{}, map[*Record]bool{}
		for _, r := range d.records {
			d.names.byName[r.Name] = append(d.names.byName[r.Name], r)
			for _, n := range r.Provides {
				d.names.provided[n] = append(d.names.provided[n], r)
			}
		}
		var queue []*Record
		for _, r := range d.records {
			if r.System {
				queue = append(queue, r)
			}
		}
		for len(queue) > 0 {
			r := queue[0]
			queue = queue[1:]
			if d.names.base[r] {
				continue
			}
			d.names.base[r] = true
			queue = append(queue, d.met(r)...)
		}
	})
	return nil
}

// met lists the packages that meet the relations of r. A relation that nothing
// meets, as that of a package that was forced in, is passed over.
func (d *DB) met(r *Record) []*Record {
	var out []*Record
	for _, relation := range r.Depends {
		for _, name := range relation {
			if m := d.named(name, r.Arch); m != nil {
				if m != r && !slices.Contains(out, m) {
					out = append(out, m)
				}
				break
			}
		}
	}
	return out
}

// named finds a package by its name, or else by what it provides, of the
// architecture of who asks where there are several.
func (d *DB) named(name, arch string) *Record {
	for _, found := range [][]*Record{d.names.byName[name], d.names.provided[name]} {
		for _, r := range found {
			if r.Arch == arch {
				return r
			}
		}
		if len(found) > 0 {
			return found[0]
		}
	}
	return nil
}

func (d *DB) record(ctx context.Context, p Package) (*Record, error) {
	if err := d.relate(ctx); err != nil {
		return nil, err
	}
	r, ok := d.byKey[p.Key()]
	if !ok {
		return nil, fmt.Errorf("the package %s is not in the database", p.Name)
	}
	return r, nil
}

// Named finds a package by its name; ok is false when it is not installed.
func (d *DB) Named(ctx context.Context, name string) (p Package, ok bool, err error) {
	if err := d.relate(ctx); err != nil {
		return p, false, err
	}
	if r := d.named(name, ""); r != nil {
		return r.Package, true, nil
	}
	return p, false, nil
}

// Depends lists the packages that meet the dependencies of p, of alternatives
// the first that is installed.
func (d *DB) Depends(ctx context.Context, p Package) ([]Package, error) {
	r, err := d.record(ctx, p)
	if err != nil {
		return nil, err
	}
	var out []Package
	for _, m := range d.met(r) {
		out = append(out, m.Package)
	}
	return out, nil
}

// BaseSystem reports whether a package is a part of the base system: one
// without which no installation of the distribution is, or one that those
// depend on.
func (d *DB) BaseSystem(ctx context.Context, p Package) (bool, error) {
	r, err := d.record(ctx, p)
	return err == nil && d.names.base[r], err
}

// OfBaseSystem reports whether any package owns a file, and whether one of the
// base system does.
func (d *DB) OfBaseSystem(ctx context.Context, name string) (owned, base bool, err error) {
	p, owned, err := d.Owner(ctx, name)
	if err != nil {
		return false, false, fmt.Errorf("looking up the package of %s: %w", name, err)
	}
	if !owned {
		return false, false, nil
	}
	base, err = d.BaseSystem(ctx, *p)
	return true, base, err
}

// sections are those of Debian's archive that hold what is built with or read
// by people (Debian Policy 2.4; 2026-11).
var sections = []string{"devel", "libdevel", "debug", "doc", "introspection"}

// Development reports whether a package serves builds, debugging or people
// rather than programs at work.
func (d *DB) Development(ctx context.Context, p Package) (bool, error) {
	r, err := d.record(ctx, p)
	if err != nil {
		return false, err
	}
	_, section, ok := strings.Cut(r.Section, "/") // contrib/devel
	if !ok {
		section = r.Section
	}
	return slices.Contains(sections, section) || slices.ContainsFunc([]string{"-dev", "-devel", "-dbg", "-dbgsym", "-doc", "-static", "-headers"}, func(s string) bool { return strings.HasSuffix(r.Name, s) }), nil
}

// expand replaces packages that hold nothing but documentation, such as
// metapackages, by those that they depend on.
func (d *DB) expand(ctx context.Context, pkgs []Package) ([]Package, error) {
	if err := d.relate(ctx); err != nil {
		return nil, err
	}
	if _, _, err := d.Owner(ctx, "/"); err != nil { // lists the files of all packages
		return nil, err
	}
	var out []Package
	seen := map[*Record]bool{}
	var add func(r *Record)
	add = func(r *Record) {
		if seen[r] {
			return
		}
		seen[r] = true
		if r.documentation() {
			for _, m := range d.met(r) {
				if !d.names.base[m] {
					add(m)
				}
			}
			return
		}
		out = append(out, r.Package)
	}
	for _, p := range pkgs {
		if r, ok := d.byKey[p.Key()]; ok {
			add(r)
		}
	}
	return out, nil
}

// documentation reports whether a package with dependencies has no file but
// documentation.
func (r *Record) documentation() bool {
	if len(r.Depends) == 0 {
		return false
	}
	above := map[string]bool{"/": true, "/.": true, ".": true}
	for _, f := range r.Files {
		for dir := path.Dir(f); !above[dir]; dir = path.Dir(dir) {
			above[dir] = true
		}
	}
	return !slices.ContainsFunc(r.Files, func(f string) bool {
		return f != "" && !above[f] && !slices.ContainsFunc([]string{"/usr/share/doc", "/usr/share/lintian", "/usr/share/bug", "/usr/share/doc-base"}, func(dir string) bool {
			return f == dir || strings.HasPrefix(f, dir+"/")
		})
	})
}

// roots finds the packages from which relations lead to all others: those that
// none depends on, and one of each circle of which that holds.
func (d *DB) roots(ctx context.Context) (map[*Record]bool, error) {
	if err := d.relate(ctx); err != nil {
		return nil, err
	}
	// In the reverse order in which a search in depth leaves packages, one that
	// leads to others comes before them, unless they lead back.
	seen := map[*Record]bool{}
	var left []*Record
	var visit func(r *Record, leave func(*Record))
	visit = func(r *Record, leave func(*Record)) {
		if seen[r] {
			return
		}
		seen[r] = true
		for _, m := range d.met(r) {
			visit(m, leave)
		}
		leave(r)
	}
	for _, r := range d.records {
		visit(r, func(r *Record) { left = append(left, r) })
	}
	clear(seen)
	out := map[*Record]bool{}
	for _, r := range slices.Backward(left) {
		if !seen[r] {
			out[r] = true
			visit(r, func(*Record) {})
		}
	}
	return out, nil
}

// Lists reports whether the database has the files of its packages. The
// manifest of an image without a package manager has names alone.
func (d *DB) Lists(ctx context.Context) (bool, error) {
	if _, _, err := d.Owner(ctx, "/"); err != nil { // lists the files of all packages
		return false, err
	}
	return len(d.owners) > 0, nil
}
