// Package packages says which package a file belongs to, and keeps the records
// by which scanners find packages in an image without a package manager.
package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/package-url/packageurl-go"

	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Package is one installed package.
type Package struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Arch     string   `json:"arch,omitempty"`
	Source   string   `json:"source,omitempty"` // source package, where it differs
	Origin   string   `json:"origin"`           // "dpkg" or "apk"
	Distro   string   `json:"distro,omitempty"` // ID of os-release
	Licenses []string `json:"licenses,omitempty"`
	PURL     string   `json:"purl"` // package URL (github.com/package-url/purl-spec)
}

// key tells packages apart that differ in architecture only.
func (p Package) key() string { return p.Name + ":" + p.Arch }

// record is a package with its paragraph of the database.
type record struct {
	Package
	text      string            // the paragraph as it stands
	conffiles map[string]string // path to MD5, as it was installed
	checksums map[string]string // path to MD5, or to what apk writes behind "Z:"; nil until they are read
	files     []string          // absolute paths, once they are known
	dirs      []string          // directories that files does not have
	system    bool              // a part of the distribution itself
}

// A DB is the package database of a tree. Nothing is read before the first
// question, and nothing twice. It is not safe for concurrent use.
type DB struct {
	t    tree.Tree
	once sync.Once
	err  error

	records []*record
	byKey   map[string]*record
	listed  sync.Once
	listErr error
	owners  map[string]*record // path to owner
	distro  string             // ID and VERSION_ID of os-release
	id      string             // ID alone
	apk     string             // path of apk's database, "" when there is none
}

// Limits on the files of a database, in bytes.
const (
	maxStatus = 64 << 20
	maxList   = 16 << 20
)

// Open returns the database of a tree; a tree without one has no packages.
func Open(_ context.Context, t tree.Tree) (*DB, error) { return &DB{t: t}, nil }

func (d *DB) load(ctx context.Context) error {
	d.once.Do(func() { d.err = d.read(ctx) })
	return d.err
}

func (d *DB) read(ctx context.Context) error {
	d.byKey = map[string]*record{}
	release, err := optional(ctx, d.t, "/etc/os-release", maxList)
	if err != nil {
		return err
	}
	d.id, d.distro = releaseID(release)
	for _, find := range []func(context.Context) error{d.readDpkg, d.readApk} {
		if err := find(ctx); err != nil {
			return err
		}
	}
	for _, r := range d.records {
		r.Distro = d.id
		r.PURL = purl(r.Package, d.distro)
		d.byKey[r.key()] = r
	}
	return nil
}

// releaseID reads ID of os-release(5), and it with VERSION_ID behind a dash.
func releaseID(data []byte) (id, distro string) {
	version := ""
	for line := range strings.Lines(string(data)) {
		name, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch v = strings.Trim(v, `"'`); name {
		case "ID":
			id = v
		case "VERSION_ID":
			version = v
		}
	}
	if id == "" || version == "" {
		return id, id
	}
	return id, id + "-" + version
}

// purl writes a package URL of type deb or apk. Scanners look vulnerabilities
// up by distribution and source package, so both are in it.
func purl(p Package, distro string) string {
	kind := map[string]string{"dpkg": packageurl.TypeDebian, "apk": packageurl.TypeApk}[p.Origin]
	var q packageurl.Qualifiers
	for _, x := range []packageurl.Qualifier{{Key: "arch", Value: p.Arch}, {Key: "distro", Value: distro}, {Key: "upstream", Value: p.Source}} {
		if x.Value != "" {
			q = append(q, x)
		}
	}
	return packageurl.NewPackageURL(kind, p.Distro, p.Name, p.Version, q, "").ToString()
}

// optional reads a file that need not be there.
func optional(ctx context.Context, t tree.Tree, name string, limit int64) ([]byte, error) {
	data, err := tree.ReadFile(ctx, t, name, limit)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
		return nil, nil
	}
	return data, err
}

// Installed lists the installed packages in the order of the database.
func (d *DB) Installed(ctx context.Context) ([]Package, error) {
	if err := d.load(ctx); err != nil {
		return nil, err
	}
	out := make([]Package, 0, len(d.records))
	for _, r := range d.records {
		out = append(out, r.Package)
	}
	return out, nil
}

// Owner finds the package that a file belongs to. Where /lib and its like are
// links into /usr, a path is known under both names.
func (d *DB) Owner(ctx context.Context, name string) (*Package, bool, error) {
	if err := d.load(ctx); err != nil || len(d.records) == 0 {
		return nil, false, err
	}
	d.listed.Do(func() {
		if d.listErr = d.list(ctx, d.records); d.listErr == nil {
			d.owners = ownersOf(d.records)
		}
	})
	if d.listErr != nil {
		return nil, false, d.listErr
	}
	if r, ok := d.owners[name]; ok {
		return &r.Package, true, nil
	}
	return nil, false, nil
}

// aliases are the names of a path on either side of a merged /usr.
func aliases(name string) []string {
	out := []string{name}
	for _, dir := range []string{"/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/"} {
		if strings.HasPrefix(name, dir) {
			out = append(out, "/usr"+name)
		}
		if strings.HasPrefix(name, "/usr"+dir) {
			out = append(out, strings.TrimPrefix(name, "/usr"))
		}
	}
	return out
}

// Records gives the files by which scanners find the packages: for dpkg one
// paragraph a package in status.d, as distroless images have them, for apk the
// database with the packages that are kept.
func (d *DB) Records(ctx context.Context, pkgs []Package) ([]rootfs.File, error) {
	if err := d.load(ctx); err != nil {
		return nil, err
	}
	var out []rootfs.File
	var apk strings.Builder
	taken := map[string]bool{}
	for _, p := range pkgs {
		r, ok := d.byKey[p.key()]
		if !ok {
			return nil, fmt.Errorf("the package %s is not in the database", p.Name)
		}
		reason := "record of the package " + p.Name
		if r.Origin == "apk" {
			apk.WriteString(r.text + "\n")
			continue
		}
		name := path.Join(dpkgStatusD, r.Name)
		if taken[name] {
			name += ":" + r.Arch // the same package for another architecture
		}
		taken[name] = true
		out = append(out, rootfs.File{Path: name, Mode: 0o644, Data: []byte(r.text), Reason: reason})
		sums, err := d.sums(ctx, r)
		if err != nil {
			return nil, err
		}
		if sums != nil {
			out = append(out, rootfs.File{Path: name + ".md5sums", Mode: 0o644, Data: sums, Reason: reason})
		}
	}
	if apk.Len() > 0 {
		out = append(out, rootfs.File{Path: d.apk, Mode: 0o644, Data: []byte(apk.String()), Reason: "records of the kept packages"})
	}
	return out, nil
}

// Release gives the files that name the distribution, which scanners need to
// look vulnerabilities up: trivy reads the older ones.
func (d *DB) Release() []string {
	return []string{"/etc/os-release", "/etc/debian_version", "/etc/lsb-release", "/etc/alpine-release"}
}

// Copyright gives where Debian keeps the licence of a package; "" for others.
func (d *DB) Copyright(p Package) string {
	if p.Origin != "dpkg" {
		return ""
	}
	return "/usr/share/doc/" + p.Name + "/copyright"
}
