package need

import (
	"cmp"
	"path"
	"slices"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A File is one file of the closure.
type File struct {
	Path      string // real path
	Entry     tree.Entry
	Reason    string // of the need that says most
	Program   bool   // it is executed
	Library   bool   // a loader opens it
	Kept      bool   // it is there as it stands: Data
	Read      bool   // a program reads it: Config
	Droppable bool   // nothing but its being there asks for it
	Shell     bool   // nothing but a shell asks for it
	// Instructions are those that the file serves, sorted.
	Instructions []string

	rank int // of the need whose reason it has
}

// Serves reports whether the file serves a Dockerfile instruction.
func (f *File) Serves(instructions ...string) bool {
	return slices.ContainsFunc(f.Instructions, func(i string) bool { return slices.Contains(instructions, i) })
}

// A Set is a closure: files and what is known of them. It grows while [Close]
// works and is read-only afterwards.
type Set struct {
	Facts      []Fact // sorted, without duplicates
	Shells     []ShellUse
	Components []image.Component
	Warnings   []image.Warning
	Left       []image.Left
	Matched    map[string]bool // patterns of exclude: that kept something out

	files    map[string]*File
	list     []*File         // of files
	sorted   bool            // list is in the order of paths
	occupied map[string]bool // directories below which something is
}

// newSet makes an empty set with room for some files.
func newSet(files int) *Set {
	return &Set{Matched: map[string]bool{}, files: make(map[string]*File, files), occupied: map[string]bool{}}
}

// File returns the file at a real path, nil when it is not in the set.
func (s *Set) File(real string) *File { return s.files[real] }

// Holds reports whether anything below a directory, other than the root, is in
// the set.
func (s *Set) Holds(dir string) bool { return s.occupied[dir] }

// Files lists the files in the order of their paths. The list is the set's own.
func (s *Set) Files() []*File {
	if !s.sorted {
		s.list = slices.Clone(s.list) // who lists them may add some
		slices.SortFunc(s.list, func(a, b *File) int { return cmp.Compare(a.Path, b.Path) })
		s.sorted = true
	}
	return s.list
}

// Has reports whether a fact of that kind is known.
func (s *Set) Has(kind FactKind) bool { return s.Reason(kind) != "" }

// Reason gives what shows a fact of that kind, "" when nothing does.
func (s *Set) Reason(kind FactKind) string {
	for _, f := range s.Facts {
		if f.Kind == kind {
			return f.Reason
		}
	}
	return ""
}

// Subjects lists what facts of that kind are known of, sorted.
func (s *Set) Subjects(kind FactKind) []string {
	var out []string
	for _, f := range s.Facts {
		if f.Kind == kind {
			out = append(out, f.Subject)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// put adds a file, or what a further need says of one that is there. It is
// true when the file is new.
func (s *Set) put(real string, e tree.Entry, n Need, rank int) bool {
	f, ok := s.files[real]
	if !ok {
		f = &File{Path: real, Entry: e, Reason: n.Reason, Droppable: n.Droppable, Shell: n.Shell, rank: rank}
		s.files[real] = f
		s.list, s.sorted = append(s.list, f), false
		for dir := path.Dir(real); dir != "/" && !s.occupied[dir]; dir = path.Dir(dir) {
			s.occupied[dir] = true
		}
	}
	if better := cmp.Or(cmp.Compare(rank, f.rank), cmp.Compare(n.Reason, f.Reason)); better < 0 {
		f.Reason, f.rank = n.Reason, rank
	}
	f.Program = f.Program || n.Kind == Program
	f.Library = f.Library || n.Kind == Library
	f.Kept = f.Kept || n.Kind == Data
	f.Read = f.Read || n.Kind == Config
	f.Droppable = f.Droppable && n.Droppable
	f.Shell = f.Shell && n.Shell
	if n.Instruction != "" && !slices.Contains(f.Instructions, n.Instruction) {
		f.Instructions = append(f.Instructions, n.Instruction)
		slices.Sort(f.Instructions)
	}
	return !ok
}

// Starts are the instructions and settings whose command lines start the
// programs that an image is for.
var Starts = []string{"ENTRYPOINT", "CMD", "commands"}

// order ranks instructions: what the container starts with comes first.
func order(instruction string) int {
	i := slices.Index([]string{"ENTRYPOINT", "CMD", "commands", "HEALTHCHECK"}, instruction)
	if i < 0 {
		return 4
	}
	return i
}
