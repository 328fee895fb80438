// Package packages says which package a file belongs to, and keeps the records
// by which scanners find packages in an image without a package manager.
package packages

import (
	"context"
	"fmt"
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
	Origin   string   `json:"origin"`           // the format, such as "dpkg"
	Distro   string   `json:"distro,omitempty"` // ID of os-release
	Licenses []string `json:"licenses,omitempty"`
	PURL     string   `json:"purl"` // package URL (github.com/package-url/purl-spec)
}

// Key tells packages apart, also those that differ in architecture only.
func (p Package) Key() string { return p.Name + ":" + p.Arch }

// A Record is a package with its paragraph of the database.
type Record struct {
	Package
	Text      string            // the paragraph as it stands
	Conffiles map[string]string // path to checksum, as it was installed
	Checksums map[string]string // path to checksum; nil until they are read
	Files     []string          // absolute paths; nil until they are read
	Dirs      []string          // directories that Files does not have
	System    bool              // a part of the distribution itself
	Depends   []Relation        // what the package needs at work
	Provides  []string          // further names under which it meets relations
	Section   string            // what the distribution files it under, "" where it does not
	Licences  []string          // where the database says that licences are
	Epoch     string            // what Version begins with, before a colon, and package URLs have apart
	// SourceFile is the file of the source package, where package URLs name that.
	SourceFile string
	// Diversions are the paths of other packages that some package moved away.
	Diversions []Diversion

	format Format
}

// A Format is one kind of package database. Formats are asked in the order in
// which [Open] is given them; each has a folder below this package.
type Format interface {
	// Origin names the format, as Package.Origin has it.
	Origin() string
	// Type is the type of its package URLs.
	Type() string
	// Read gives the installed packages of a tree, none where it has no such
	// database.
	Read(ctx context.Context, t tree.Tree) ([]*Record, error)
	// List gives the paths of a package; never nil.
	List(ctx context.Context, t tree.Tree, r *Record) ([]string, error)
	// Sums gives the checksums of a package's files by path, as far as the
	// database has them; never nil.
	Sums(ctx context.Context, t tree.Tree, r *Record) (map[string]string, error)
	// Matches reports whether content has a checksum of the database.
	Matches(sum string, content []byte) bool
	// Edits reports whether users may edit a file of a package, so that its
	// time says nothing.
	Edits(r *Record, name string) bool
	// Asked gives a test for packages that were asked for by name rather than
	// brought in by others, nil where nothing tells.
	Asked(ctx context.Context, t tree.Tree) (func(Package) bool, error)
	// Keep gives the files by which scanners find packages in an image.
	Keep(ctx context.Context, t tree.Tree, kept []*Record) ([]rootfs.File, error)
	// Licences gives where the texts of a package's licence are.
	Licences(r *Record) []string
}

// A DB is the package database of a tree. Nothing is read before the first
// question, and nothing twice. It is not safe for concurrent use.
type DB struct {
	t       tree.Tree
	formats []Format
	once    sync.Once
	err     error

	records []*Record
	byKey   map[string]*Record
	listed  sync.Once
	listErr error
	owners  map[string]*Record // path to owner

	names relationNames
}

// An UnreadableError says that a package database is damaged or too large, so
// that nothing is known of the packages.
type UnreadableError struct {
	Path string
	Err  error
}

// Error names the database.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("the package database %s cannot be read: %v", e.Path, e.Err)
}

// Unwrap gives what is wrong with it.
func (e *UnreadableError) Unwrap() error { return e.Err }

// Limits on the files of a database, in bytes.
const (
	MaxDatabase = 64 << 20 // a whole database
	MaxList     = 16 << 20 // the list of one package
)

// Open returns the database of a tree in any of the formats; a tree without
// one has no packages.
func Open(t tree.Tree, formats ...Format) *DB { return &DB{t: t, formats: formats} }

func (d *DB) load(ctx context.Context) error {
	d.once.Do(func() { d.err = d.read(ctx) })
	return d.err
}

func (d *DB) read(ctx context.Context) error {
	d.byKey = map[string]*Record{}
	release, err := tree.ReadOptional(ctx, d.t, "/etc/os-release", MaxList)
	if err != nil {
		return err
	}
	id, distro := releaseID(release)
	for _, f := range d.formats {
		records, err := f.Read(ctx, d.t)
		if err != nil {
			return err
		}
		for _, r := range records {
			r.format, r.Distro = f, id
			r.PURL = purl(f.Type(), r, distro)
			d.records = append(d.records, r)
			d.byKey[r.Key()] = r
		}
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

// purl writes a package URL. Scanners look vulnerabilities
// up by distribution and source package, so both are in it.
func purl(kind string, r *Record, distro string) string {
	var q packageurl.Qualifiers
	version, source := r.Version, r.Source
	if r.Epoch != "" {
		version = strings.TrimPrefix(version, r.Epoch+":")
	}
	if r.SourceFile != "" {
		source = r.SourceFile
	}
	for _, x := range []packageurl.Qualifier{{Key: "arch", Value: r.Arch}, {Key: "distro", Value: distro}, {Key: "epoch", Value: r.Epoch}, {Key: "upstream", Value: source}} {
		if x.Value != "" {
			q = append(q, x)
		}
	}
	return packageurl.NewPackageURL(kind, vendor(r.Distro), r.Name, version, q, "").ToString()
}

// vendor is the namespace that package URLs have for the ID of a distribution.
func vendor(id string) string {
	switch {
	case id == "rhel":
		return "redhat"
	case strings.HasPrefix(id, "opensuse"):
		return "opensuse"
	}
	return id
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

// Aliases are the names of a path on either side of a merged /usr.
func Aliases(name string) []string {
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

// Records gives the files by which scanners find the packages.
func (d *DB) Records(ctx context.Context, pkgs []Package) ([]rootfs.File, error) {
	if err := d.load(ctx); err != nil {
		return nil, err
	}
	var out []rootfs.File
	for _, f := range d.formats {
		var kept []*Record
		for _, p := range pkgs {
			r, ok := d.byKey[p.Key()]
			if !ok {
				return nil, fmt.Errorf("the package %s is not in the database", p.Name)
			}
			if r.format == f {
				kept = append(kept, r)
			}
		}
		if len(kept) == 0 {
			continue
		}
		files, err := f.Keep(ctx, d.t, kept)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	return out, nil
}

// Release gives the files that name the distribution, which scanners need to
// look vulnerabilities up: trivy reads the older ones.
func (d *DB) Release() []string {
	return []string{
		"/etc/os-release", "/etc/debian_version", "/etc/lsb-release", "/etc/alpine-release",
		"/etc/redhat-release", "/etc/system-release", "/etc/centos-release", "/etc/rocky-release", "/etc/almalinux-release", "/etc/fedora-release", "/etc/oracle-release", "/etc/azurelinux-release", "/etc/mariner-release", "/etc/photon-release",
	}
}

// Licences gives where the texts of a package's licence are.
func (d *DB) Licences(p Package) []string {
	if r, ok := d.byKey[p.Key()]; ok {
		return r.format.Licences(r)
	}
	return nil
}
