package packages

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// System reports whether a package is a part of the distribution itself, such
// as coreutils.
func (d *DB) System(ctx context.Context, p Package) (bool, error) {
	if err := d.load(ctx); err != nil {
		return false, err
	}
	r, ok := d.byKey[p.Key()]
	return ok && r.System, nil
}

// Family lists the packages that a program needs at work although it does not
// link them: those made from the same source as the package that has it, and
// those that put files into their directories, as plugins do. Directories are
// theirs when they are named after the program or the source; dirs lists them.
func (d *DB) Family(ctx context.Context, p Package, program string) (family []Package, dirs []string, err error) {
	if _, _, err := d.Owner(ctx, program); err != nil { // lists the files of all packages
		return nil, nil, err
	}
	own, ok := d.byKey[p.Key()]
	if !ok {
		return nil, nil, fmt.Errorf("the package %s is not in the database", p.Name)
	}
	names := []string{path.Base(program), own.sourceName(), strings.TrimRight(own.sourceName(), "-.0123456789")}
	var members []*Record
	for _, r := range d.records {
		if r.Origin != own.Origin || r.sourceName() != own.sourceName() {
			continue
		}
		members = append(members, r)
		for _, f := range slices.Concat(r.Files, r.Dirs) {
			for dir := path.Dir(f); dir != "/" && dir != "."; dir = path.Dir(dir) {
				if slices.Contains(names, path.Base(dir)) && !slices.Contains(dirs, dir) {
					dirs = append(dirs, dir)
				}
			}
		}
	}
	for _, r := range d.records {
		if r.System || slices.Contains(members, r) {
			continue
		}
		if slices.ContainsFunc(r.Files, func(f string) bool {
			return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(f, dir+"/") })
		}) {
			members = append(members, r)
		}
	}
	for _, r := range members {
		family = append(family, r.Package)
	}
	slices.Sort(dirs)
	return family, dirs, nil
}

func (r *Record) sourceName() string {
	if r.Source != "" {
		return r.Source
	}
	return r.Name
}

// Files lists the paths of a package, directories among them, in order.
func (d *DB) Files(ctx context.Context, p Package) ([]string, error) {
	if _, _, err := d.Owner(ctx, "/"); err != nil {
		return nil, err
	}
	r, ok := d.byKey[p.Key()]
	if !ok {
		return nil, fmt.Errorf("the package %s is not in the database", p.Name)
	}
	out := slices.Concat(r.Files, r.Dirs)
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Asked lists, among the packages that the base image has not, those that
// were asked for by name rather than brought in by others: those that no other
// depends on, where nothing tells. A package without
// files, such as a metapackage, stands for those that it depends on.
func (d *DB) Asked(ctx context.Context, base *DB) ([]Package, error) {
	brought, err := d.Brought(ctx, base)
	if err != nil || len(brought) == 0 {
		return nil, err
	}
	asked := map[string]func(Package) bool{}
	for _, f := range d.formats {
		if asked[f.Origin()], err = f.Asked(ctx, d.t); err != nil {
			return nil, err
		}
	}
	roots, err := d.roots(ctx)
	if err != nil {
		return nil, err
	}
	return d.expand(ctx, slices.DeleteFunc(brought, func(p Package) bool {
		if test := asked[p.Origin]; test != nil {
			return !test(p)
		}
		return !roots[d.byKey[p.Key()]]
	}))
}
