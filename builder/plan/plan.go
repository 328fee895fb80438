// Package plan decides what a minimal image holds and why.
//
// A [Plan] is plain data made from a built root filesystem, its image
// configuration and a few settings. Making one is pure: the same input gives
// the same plan, byte for byte. Nothing here reaches BuildKit or a registry;
// what becomes of a plan is the sinks' affair.
//
// Paths are absolute paths inside the image. Sizes are bytes of file content.
package plan

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/rootfs"
)

// A Plan is everything a sink needs to make the image, and everything a person
// may want to know about it.
type Plan struct {
	// Entries are the files of the image in the order of their paths, parents
	// before children. The root directory is not among them.
	Entries []Entry `json:"files"`
	// Trees are the directories that can be copied as a whole. They save a
	// sink one copy a file and say nothing that Entries do not.
	Trees []TreeCopy `json:"-"`
	// Config is the configuration the image gets.
	Config dockerspec.DockerOCIImageConfig `json:"config"`
	// Packages are those that at least one carried file belongs to.
	Packages []packages.Package `json:"packages,omitempty"`
	// Changes are the ways in which the image behaves differently from the
	// one that was built.
	Changes []Change `json:"changes,omitempty"`
	// Left are the changed files that were left out.
	Left []Left `json:"left,omitempty"`
	// Warnings are what the user should look at.
	Warnings []Warning `json:"warnings,omitempty"`
	// Modules are the Go modules of the carried programs, for the SBOM.
	Modules []Module `json:"modules,omitempty"`
	// Programs are the real paths of what the image runs.
	Programs []string `json:"programs"`
	// Shell is the path of the shell in the image, "" when it has none.
	Shell string `json:"shell,omitempty"`
}

// Type says what kind of file an Entry is.
type Type string

// The types of files in an image.
const (
	File    Type = "file"
	Dir     Type = "dir"
	Symlink Type = "symlink"
)

// An Entry is one file of the image.
type Entry struct {
	Path   string `json:"path"`
	Type   Type   `json:"type"`
	Source string `json:"source,omitempty"` // real path in the built tree; "" when generated
	// Mode has permission bits, setuid, setgid and sticky.
	Mode     fs.FileMode `json:"-"`
	ModeText string      `json:"mode"` // Mode in octal, as ls and tar count
	UID      int         `json:"uid"`
	GID      int         `json:"gid"`
	Size     int64       `json:"size"`
	Linkname string      `json:"linkname,omitempty"`
	Data     []byte      `json:"-"` // content, when generated
	Reason   string      `json:"reason"`
	Package  string      `json:"package,omitempty"`
	// Droppable marks what is kept only because the Dockerfile put it there.
	Droppable bool `json:"droppable,omitempty"`

	sourceMode       fs.FileMode
	sourceUID        int
	sourceGID        int
	program, library bool
}

// A TreeCopy is a directory whose files keep their modes and can be copied in
// one go, but for the paths in Exclude.
type TreeCopy struct {
	Root     string
	UID, GID int      // owner of every copied file
	Exclude  []string // relative to Root, without directories' slashes
	Members  map[string]bool
}

// A Change is one difference between the built image and the minimal one that
// a program could notice.
type Change struct {
	Kind string `json:"kind"` // environment, user, mode, owner, command, static
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	Why  string `json:"why"`
}

// Left is a file or directory that the build made and the image does not have.
type Left struct {
	Path  string `json:"path"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	Why   string `json:"why"`
}

// A Warning is something the user should look at.
type Warning struct {
	// Instruction is the Dockerfile instruction it is about, such as
	// "ENTRYPOINT", or "".
	Instruction string `json:"instruction,omitempty"`
	Message     string `json:"message"`
	// Hint is the way out, "" when there is none.
	Hint string `json:"hint,omitempty"`
}

// A Module is a Go module linked into a program.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum,omitempty"`
	Program string `json:"program"`
}

// Size returns the bytes and the number of regular files in the image.
func (p *Plan) Size() (bytes int64, files int) {
	for _, e := range p.Entries {
		if e.Type == File {
			bytes += e.Size
			files++
		}
	}
	return bytes, files
}

// Find returns the entry at name.
func (p *Plan) Find(name string) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(p.Entries, name, func(e Entry, n string) int { return strings.Compare(e.Path, n) })
	if !ok {
		return Entry{}, false
	}
	return p.Entries[i], true
}

// finish sorts everything, so that equal inputs give equal bytes.
func (m *maker) finish() *Plan {
	p := &m.plan
	m.parents()
	m.readable()
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := *m.entries[name]
		e.ModeText = octal(e.Mode)
		p.Entries = append(p.Entries, e)
	}
	p.Trees = m.copies()
	p.Config = m.config
	sort.SliceStable(p.Changes, func(i, j int) bool {
		return p.Changes[i].Kind+p.Changes[i].Name < p.Changes[j].Kind+p.Changes[j].Name
	})
	sort.SliceStable(p.Left, func(i, j int) bool { return p.Left[i].Path < p.Left[j].Path })
	sort.Strings(p.Programs)
	p.Programs = slices.Compact(p.Programs)
	return p
}

// parents adds the directories that entries lie in. Their owner is root: what
// the user may write to is an entry of its own.
func (m *maker) parents() {
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if _, ok := m.entries[dir]; ok {
				continue
			}
			m.entries[dir] = &Entry{Path: dir, Type: Dir, Mode: 0o755, Reason: "holds " + name}
		}
	}
}

// add puts a generated file into the plan, unless the tree's own is there.
func (m *maker) add(f rootfs.File) {
	if _, ok := m.entries[f.Path]; ok {
		return
	}
	e := &Entry{Path: f.Path, Type: File, Mode: f.Mode &^ fs.ModeType, UID: f.UID, GID: f.GID, Size: int64(len(f.Data)), Data: f.Data, Reason: f.Reason}
	if f.Mode.IsDir() {
		e.Type, e.Size, e.Data = Dir, 0, nil
	}
	m.entries[f.Path] = e
}

// copies turns the walked trees into whole copies where most of a tree goes
// along as it is.
func (m *maker) copies() []TreeCopy {
	var out []TreeCopy
	for _, root := range slices.Sorted(maps.Keys(m.walked)) {
		w := m.walked[root]
		t := TreeCopy{Root: root, Members: map[string]bool{}}
		first := true
		for _, name := range w.seen {
			e, ok := m.entries[name]
			rel := strings.TrimPrefix(name, strings.TrimSuffix(root, "/")+"/")
			whole := ok && e.Source == name && (e.Mode == e.sourceMode || e.Type == Symlink)
			if whole && first {
				t.UID, t.GID, first = e.UID, e.GID, false
			}
			if !whole || e.UID != t.UID || e.GID != t.GID {
				if !covered(t.Exclude, rel) {
					t.Exclude = append(t.Exclude, rel)
				}
				continue
			}
			t.Members[name] = true
		}
		for _, name := range w.dirs {
			rel := strings.TrimPrefix(name, strings.TrimSuffix(root, "/")+"/")
			if _, ok := m.entries[name]; !ok && !covered(t.Exclude, rel) {
				t.Exclude = append(t.Exclude, rel)
			}
		}
		for _, name := range w.skipped {
			t.Exclude = append(t.Exclude, strings.TrimPrefix(name, strings.TrimSuffix(root, "/")+"/"))
		}
		sort.Strings(t.Exclude)
		if len(t.Members) >= minTree && len(t.Exclude) <= maxExclude && plainPatterns(t.Exclude) {
			out = append(out, t)
		}
	}
	return out
}

const (
	minTree    = 4   // fewer files than this are copied one by one
	maxExclude = 200 // patterns are matched against every file
)

// covered reports whether rel lies below one of the excluded paths.
func covered(exclude []string, rel string) bool {
	return slices.ContainsFunc(exclude, func(x string) bool { return strings.HasPrefix(rel, x+"/") })
}

// plainPatterns reports whether no name would be read as a pattern.
func plainPatterns(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return strings.ContainsAny(n, `*?[]\!`) })
}

// UnixMode gives a mode as chmod(2) and tar count it.
func UnixMode(m fs.FileMode) uint32 {
	v := uint32(m.Perm())
	for _, b := range []struct {
		from fs.FileMode
		to   uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&b.from != 0 {
			v |= b.to
		}
	}
	return v
}

func octal(m fs.FileMode) string { return fmt.Sprintf("%04o", UnixMode(m)) }
