package packages

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/tree"
)

// Drop finds, among the files that a build changed, those that a package
// brought: one that the database of the base image, nil for none, has not or
// has in another version. Files that were edited or replaced after the package
// was unpacked are the user's and not in the result.
func (d *DB) Drop(ctx context.Context, base *DB, changed map[string]tree.Entry) (map[string]Package, error) {
	brought, err := d.Brought(ctx, base)
	if err != nil || len(brought) == 0 {
		return nil, err
	}
	var records []*Record
	for _, p := range brought {
		records = append(records, d.byKey[p.Key()])
	}
	if err := d.list(ctx, records); err != nil {
		return nil, err
	}
	owners := ownersOf(records)
	packed := ages(owners, changed)
	out := map[string]Package{}
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		r, ok := owners[name]
		if !ok {
			if p := madeBy(records, name, changed[name]); p != nil {
				out[name] = p.Package
			}
			continue
		}
		mine := false
		if e := changed[name]; e.IsRegular() && (e.ModTime > packed[r] || r.format.Edits(r, name)) {
			if mine, err = d.edited(ctx, r, name); err != nil {
				return nil, err
			}
		}
		if !mine {
			out[name] = r.Package
		}
	}
	return out, nil
}

// Brought lists the packages that the base image, nil for none, has not, or
// not in that version.
func (d *DB) Brought(ctx context.Context, base *DB) ([]Package, error) {
	if err := d.load(ctx); err != nil || len(d.records) == 0 {
		return nil, err
	}
	if base != nil {
		if err := base.load(ctx); err != nil {
			return nil, err
		}
	}
	var out []Package
	for _, r := range d.records {
		if base != nil {
			if b, ok := base.byKey[r.Key()]; ok && b.Version == r.Version {
				continue
			}
		}
		out = append(out, r.Package)
	}
	return out, nil
}

// ages gives the time at which each package was made: archives keep the times
// of their files, and documentation and programs are not edited afterwards.
// What is younger than that may be the user's.
func ages(owners map[string]*Record, changed map[string]tree.Entry) map[*Record]int64 {
	out := map[*Record]int64{}
	for name, e := range changed {
		r, ok := owners[name]
		if !ok || !e.IsRegular() {
			continue
		}
		for _, dir := range []string{"/usr/share/doc/", "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/bin/", "/sbin/", "/lib/"} {
			if strings.HasPrefix(name, dir) {
				out[r] = max(out[r], e.ModTime)
				break
			}
		}
	}
	return out
}

// made are the files that the scripts of packages make when they are
// installed, which no list has. "/" at the end of a name stands for all below
// it, "/@" for the links below it.
var made = map[string][]string{
	"ca-certificates":      {"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/@", "/etc/ca-certificates.conf", "/etc/ca-certificates/", "/etc/pki/ca-trust/extracted/", "/var/lib/ca-certificates/"},
	"ca-certificates-java": {"/etc/ssl/certs/java/"},
	"shared-mime-info":     {"/usr/share/mime/"},
	"install-info":         {"/usr/share/info/dir"},
}

// madeDirs are the directories that the scripts of packages make: those of the
// Filesystem Hierarchy Standard. Mail and locks, which programs write to, are
// not among them. Source: base-files.postinst of Debian 12.
var madeDirs = map[string][]string{
	"base-files": {
		"/etc/opt", "/media", "/mnt", "/opt", "/srv", "/usr/lib64", "/var/opt",
		"/usr/local", "/usr/local/bin", "/usr/local/etc", "/usr/local/games", "/usr/local/include", "/usr/local/lib", "/usr/local/sbin", "/usr/local/share", "/usr/local/share/man", "/usr/local/src",
	},
}

// madeBy finds the package whose installation made a file, or a directory that
// is still root's alone.
func madeBy(records []*Record, name string, e tree.Entry) *Record {
	for _, r := range records {
		if e.IsDir() && e.UID == 0 && e.Mode.Perm()&0o022 == 0 && slices.Contains(madeDirs[r.Name], name) {
			return r
		}
		for _, f := range made[r.Name] {
			dir, links := strings.CutSuffix(f, "@")
			below := strings.HasSuffix(dir, "/") && strings.HasPrefix(name, dir)
			if f == name || below && (!links || e.IsSymlink()) {
				return r
			}
		}
	}
	return nil
}
