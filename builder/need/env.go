package need

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/tree"
)

// An Env is what providers and launchers may look at: the built tree and the
// environment that the image's programs start in.
type Env struct {
	Tree tree.Tree
	// Vars is the environment of the image, NAME=VALUE; the last of a name
	// counts.
	Vars []string
	Dir  string // WORKDIR, "" for the root
	// Lines are the command lines of the image as its configuration has them,
	// those in shell form cut into words at blanks.
	Lines [][]string
	// Commands are the command lines that scripts of the image are started
	// with as arguments, launched, once they are known: a script that another
	// one runs may run them.
	Commands []Launched
	// Admit may keep a file out, by exclude: or as a credential. Nil admits
	// everything.
	Admit func(ctx context.Context, v Visit) (Verdict, error)
	// NoShell makes a shell that is needed a failure of who needs it.
	NoShell bool
	// NoEvidence turns off what evidence would add.
	NoEvidence bool
	// Next chooses which of the waiting needs is looked at, by its index. Nil
	// takes the last. The closure is the same whatever it chooses, which tests
	// show.
	Next func(waiting int) int

	// MaxRead is how many bytes of files a closure may read, 0 for a limit far
	// above what images have.
	MaxRead int64

	heads map[string][]byte // what Head has read, by real path
}

// maxHeads is how many beginnings of files an Env keeps.
const maxHeads = 64 << 10

// A Verdict says whether a file may be in the image.
type Verdict struct {
	Left    string // why the file is left out, "" when it is admitted
	Exclude string // the pattern of exclude: that matches, "" when none does
	Warning string // what the user should know, "" when nothing
	Hint    string
}

// DefaultPath is what a runtime uses when the image sets no PATH.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Getenv returns the value of a variable of the image.
func (e *Env) Getenv(name string) (string, bool) {
	for i := len(e.Vars) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(e.Vars[i], name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// SearchPath is PATH of the image as a list.
func (e *Env) SearchPath() []string {
	v, _ := e.Getenv("PATH")
	if v == "" {
		v = DefaultPath
	}
	return List(v)
}

// LibraryPath is LD_LIBRARY_PATH of the image as a list.
func (e *Env) LibraryPath() []string {
	v, _ := e.Getenv("LD_LIBRARY_PATH")
	return List(v)
}

// Preload is LD_PRELOAD of the image as a list.
func (e *Env) Preload() []string {
	v, _ := e.Getenv("LD_PRELOAD")
	return strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ':' })
}

// List splits a list of directories as PATH has them.
func List(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ':' })
}

// Abs gives a path as a program in WORKDIR means it.
func (e *Env) Abs(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join("/", e.Dir, name)
}

// LookPath finds a command as execvp(3) does: names with a slash from WORKDIR,
// others along PATH, where a file that is not executable is passed over. ok is
// false when it is nowhere.
func (e *Env) LookPath(ctx context.Context, name string) (found string, ok bool, err error) {
	if name == "" {
		return "", false, nil
	}
	var tries []string
	if strings.Contains(name, "/") {
		tries = []string{e.Abs(name)}
	} else {
		for _, dir := range e.SearchPath() {
			tries = append(tries, path.Join(e.Abs(dir), name))
		}
	}
	for _, try := range tries {
		res, err := tree.Resolve(ctx, e.Tree, try)
		if Missing(err) {
			continue
		}
		if err != nil {
			return "", false, err
		}
		if !res.Entry.IsRegular() {
			continue
		}
		if res.Entry.Mode&0o111 != 0 {
			return try, true, nil
		}
		if found == "" {
			found = try
		}
	}
	return found, found != "", nil
}

// Head reads the beginning of the regular file at a real path.
func (e *Env) Head(ctx context.Context, real string) ([]byte, error) {
	if head, ok := e.heads[real]; ok {
		return head, nil
	}
	r, err := e.Tree.Open(ctx, real)
	if err != nil {
		return nil, err
	}
	var b [HeadSize]byte
	n, err := r.ReadAt(b[:], 0)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading %s: %w", real, err)
	}
	head := slices.Clone(b[:n])
	if e.heads == nil {
		e.heads = map[string][]byte{}
	}
	if len(e.heads) < maxHeads {
		e.heads[real] = head
	}
	return head, nil
}

// Missing reports whether an error of [tree.Resolve] says that a path leads
// nowhere.
func Missing(err error) bool { return tree.Missing(err) }
