package packages

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// System reports whether a package is a part of the distribution itself, such
// as coreutils: dpkg marks them as essential or required, apk does not.
func (d *DB) System(ctx context.Context, p Package) (bool, error) {
	if err := d.load(ctx); err != nil {
		return false, err
	}
	r, ok := d.byKey[p.key()]
	return ok && r.system, nil
}

// apkSystem are Alpine's packages of the distribution itself.
var apkSystem = []string{"busybox", "busybox-binsh", "ssl_client", "musl", "musl-utils", "alpine-baselayout", "alpine-baselayout-data", "alpine-keys", "alpine-release", "apk-tools", "scanelf", "libc-utils"}

// Family lists the packages that a program needs at work although it does not
// link them: those made from the same source as the package that has it, and
// those that put files into their directories, as plugins do. Directories are
// theirs when they are named after the program or the source.
func (d *DB) Family(ctx context.Context, p Package, program string) ([]Package, error) {
	if _, _, err := d.Owner(ctx, program); err != nil { // lists the files of all packages
		return nil, err
	}
	own, ok := d.byKey[p.key()]
	if !ok {
		return nil, fmt.Errorf("the package %s is not in the database", p.Name)
	}
	names := []string{path.Base(program), own.sourceName(), strings.TrimRight(own.sourceName(), "-.0123456789")}
	var family []*record
	var dirs []string
	for _, r := range d.records {
		if r.Origin != own.Origin || r.sourceName() != own.sourceName() {
			continue
		}
		family = append(family, r)
		for _, f := range slices.Concat(r.files, r.dirs) {
			if dir := path.Dir(f); slices.Contains(names, path.Base(dir)) && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	for _, r := range d.records {
		if r.system || slices.Contains(family, r) {
			continue
		}
		if slices.ContainsFunc(r.files, func(f string) bool {
			return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(f, dir+"/") })
		}) {
			family = append(family, r)
		}
	}
	out := make([]Package, len(family))
	for i, r := range family {
		out[i] = r.Package
	}
	return out, nil
}

func (r *record) sourceName() string {
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
	r, ok := d.byKey[p.key()]
	if !ok {
		return nil, fmt.Errorf("the package %s is not in the database", p.Name)
	}
	out := slices.Concat(r.files, r.dirs)
	slices.Sort(out)
	return slices.Compact(out), nil
}
