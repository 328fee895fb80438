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
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

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
	// GoDynamic are the programs that Go built and that need a loader.
	GoDynamic []string `json:"-"`
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
	users            bool   // a directory that belongs to the user
	open             bool   // one that does with all in it
	asked            bool   // one that does although only its owner could use it
	why              string // why mode or owner differ from the source's
	modeWhy          string // why the mode does, where that has a reason of its own
}

// A TreeCopy is a directory whose files keep their modes and can be copied in
// one go, but for the paths in Exclude. Every file below Root that is not a
// directory is in Members, in Exclude, or below a directory in Exclude.
type TreeCopy struct {
	Root     string
	UID, GID int      // owner of every copied file
	Exclude  []string // names relative to Root, without directories' slashes
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

// Left is a file, a directory or "package NAME" that the build made and the
// image does not have.
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
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := *m.entries[name]
		e.ModeText = octal(e.Mode)
		p.Entries = append(p.Entries, e)
	}
	p.Config = m.config
	sort.SliceStable(p.Changes, func(i, j int) bool {
		return p.Changes[i].Kind+p.Changes[i].Name < p.Changes[j].Kind+p.Changes[j].Name
	})
	p.Left = slices.DeleteFunc(p.Left, func(l Left) bool {
		_, carried := m.entries[l.Path]
		return carried && l.Files > 0
	})
	sort.SliceStable(p.Left, func(i, j int) bool { return p.Left[i].Path < p.Left[j].Path })
	sort.Strings(p.Programs)
	p.Programs = slices.Compact(p.Programs)
	return p
}

// add puts a generated file into the plan, unless the tree's own is there.
func (m *maker) add(ctx context.Context, f rootfs.File) error {
	dir, err := m.real(ctx, path.Dir(f.Path), f.Reason)
	if err != nil {
		return fmt.Errorf("placing %s: %w", f.Path, err)
	}
	name := path.Join(dir, path.Base(f.Path))
	if _, ok := m.entries[name]; ok {
		return nil
	}
	e := &Entry{Path: name, Type: File, Mode: f.Mode &^ fs.ModeType, UID: f.UID, GID: f.GID, Size: int64(len(f.Data)), Data: f.Data, Reason: f.Reason}
	if f.Mode.IsDir() {
		e.Type, e.Size, e.Data = Dir, 0, nil
	}
	m.put(e)
	return nil
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

// Printable writes text of the image for people: what a terminal would take for
// more than text is escaped as in Go.
func Printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) && utf8.ValidString(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

func octal(m fs.FileMode) string { return fmt.Sprintf("%04o", UnixMode(m)) }
