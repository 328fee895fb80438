// Package image is the model of a minimal image: what it holds and why, as
// plain data that sinks, reports and comparisons read. Nothing here decides.
//
// Paths are absolute paths inside the image. Sizes are bytes of file content.
package image

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/packages"
)

// A Plan is everything a sink needs to make the image, and everything a person
// may want to know about it.
type Plan struct {
	// Entries are the files of the image in the order of their paths, parents
	// before children. The root directory is not among them.
	Entries []Entry `json:"files"`
	// Layers are the layers of the image, the lowest first: Entries, divided.
	Layers []Layer `json:"-"`
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
	// Components are what programs have linked in, for the SBOM.
	Components []Component `json:"components,omitempty"`
	// Bytecode says which compiled modules of Python have to be made independent
	// of the times of their sources, nil for none.
	Bytecode *Bytecode `json:"-"`
	// Java is the installation of Java that programs run on, nil for none or for
	// several.
	Java *Java `json:"-"`
	// GoDynamic are the programs that Go built and that need a loader.
	GoDynamic []string `json:"-"`
	// TempPrograms says that programs or libraries are unpacked to /tmp and run
	// from there, so that it may not be mounted noexec.
	TempPrograms bool `json:"-"`
	// Programs are the real paths of what the image runs.
	Programs []string `json:"programs"`
	// Shell is the path of the shell in the image, "" when it has none.
	Shell string `json:"shell,omitempty"`
}

// A Layer is a part of an image that is pushed and pulled by itself.
type Layer struct {
	// Name is what a person calls it, "" where there is one layer.
	Name string
	// Base marks a layer whose files are the base image's, and that is the same
	// for every image which shares it.
	Base bool
	// Entries are its files and the directories that they lie in, as Plan's are.
	Entries []Entry
	// Subtrees are the directories that can be copied as a whole. They save a
	// sink one copy a file and say nothing that Entries do not.
	Subtrees []Subtree
	// Bytecode is the Plan's, for a layer of the base image.
	Bytecode *Bytecode
}

// Comment says in an image's history what the layer holds.
func (l Layer) Comment() string {
	if l.Name == "" {
		return "the files that the program needs"
	}
	return "the files that the program needs: " + l.Name
}

// Bytecode are the compiled modules of an image. Every one below Dirs whose
// header agrees with its source gets one that is hash-based and not checked
// (PEP 552): all files of an image have one time, and a module that is older or
// newer than its source says is compiled again at every start.
type Bytecode struct {
	Program string   // an interpreter of the built tree
	Dirs    []string // sorted
}

// Holds reports whether a path lies below one of the directories.
func (b *Bytecode) Holds(name string) bool {
	return slices.ContainsFunc(b.Dirs, func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}

// Java is an installation of Java and what runs on it, which jlink(1) makes a
// smaller installation of.
type Java struct {
	Home    string   // real path of java.home
	Classes []string // archives and directories of classes outside of it, sorted
	Nested  []string // those of Classes that are archives with archives in them
	Options []string // of the virtual machine
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
	ModeText string      `json:"mode"` // Mode in octal, as ls and tar count it
	Built    fs.FileMode `json:"-"`    // Mode in the built tree, when it is there
	UID      int         `json:"uid"`
	GID      int         `json:"gid"`
	Size     int64       `json:"size"`
	Linkname string      `json:"linkname,omitempty"`
	// Hardlink is the path of an entry before this one that is the same file:
	// this one is a further name of it, with a size of zero. "" for a file of
	// its own.
	Hardlink string `json:"hardlink,omitempty"`
	Data     []byte `json:"-"` // content, when generated
	// ModTime is the time that the file keeps, since a program compares it, in
	// seconds since 1970; 0 for that of all files.
	ModTime int64  `json:"modTime,omitempty"`
	Reason  string `json:"reason"`
	Package string `json:"package,omitempty"`
	// Droppable marks what is kept only because the Dockerfile put it there.
	Droppable bool `json:"droppable,omitempty"`
}

// A Subtree is a directory that can be copied in one go, but for the paths in
// Exclude. Members and Exclude together are what the tree has below Root,
// pipes and devices included. Directories that are not in Exclude come along,
// those in Dirs just as the image has them: no Subtree that follows, and is
// copied over this one, changes them.
type Subtree struct {
	Root     string
	UID, GID int // owner of every copied file and directory
	// Mode changes the mode of every copied file and directory, in the symbolic form of
	// chmod(1), such as "a+rX,go-w"; "" leaves modes as they are.
	Mode    string
	Exclude []string // names relative to Root, without directories' slashes
	Members map[string]bool
	Dirs    map[string]bool
}

// A Change is one difference between the built image and the minimal one that
// a program could notice.
type Change struct {
	Kind string `json:"kind"` // environment, user, mode, owner, command, static, time, java
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

// NewWarning makes a warning that can be shown on a terminal, whatever names
// of the image are in it.
func NewWarning(instruction, message, hint string) Warning {
	return Warning{instruction, Printable(message), Printable(hint)}
}

// CompareWarnings orders warnings by instruction, then by message.
func CompareWarnings(a, b Warning) int {
	return cmp.Or(cmp.Compare(a.Instruction, b.Instruction), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Hint, b.Hint))
}

// A Component is a piece of software inside of a program, such as a Go module.
type Component struct {
	Type    string `json:"type"` // as in a package URL: golang
	Name    string `json:"name"`
	Version string `json:"version"`
	Sum     string `json:"sum,omitempty"`
	Program string `json:"program"` // real path of the program
}

// CompareComponents orders components by program, then by name.
func CompareComponents(a, b Component) int {
	return cmp.Or(cmp.Compare(a.Program, b.Program), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Sum, b.Sum))
}

// Size returns the bytes and the number of regular files in the image. A file
// counts once, whatever its names are.
func (p *Plan) Size() (bytes int64, files int) {
	for _, e := range p.Entries {
		if e.Type == File && e.Hardlink == "" {
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
