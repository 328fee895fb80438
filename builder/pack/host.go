package pack

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"

	"github.com/whittle-oci/whittle/builder/tree"
)

// A host is what differs between the systems that pack runs on.
type host struct {
	goos string // in Go's words
}

var thisHost = host{runtime.GOOS}

// source reads "PATH" or "PATH:DEST". On Windows the colon behind a drive
// letter is a part of PATH.
func (h host) source(s string) (Source, error) {
	drive, rest := "", s
	if h.goos == "windows" && len(s) > 1 && s[1] == ':' && isLetter(s[0]) {
		drive, rest = s[:2], s[2:]
	}
	from, dest, named := strings.Cut(rest, ":")
	from = drive + from
	if !named || dest == "" {
		dest = "/" + h.base(from)
	}
	if from == "" || !path.IsAbs(dest) {
		return Source{}, fmt.Errorf("%q is not PATH or PATH:/DEST", s)
	}
	return Source{from, path.Clean(dest)}, nil
}

// base is the last element of a path of the host.
func (h host) base(name string) string {
	if h.goos == "windows" {
		name = strings.ReplaceAll(name, `\`, "/")
		if len(name) > 1 && name[1] == ':' {
			name = name[2:]
		}
	}
	return path.Base(path.Clean(name))
}

// mode is the mode that a file has in the image. Windows keeps no permission
// bits: there a program is what begins like one.
func (h host) mode(name string, mode fs.FileMode) fs.FileMode {
	switch {
	case h.goos != "windows" || mode&fs.ModeSymlink != 0:
		return mode
	case mode.IsDir():
		return mode&^fs.ModePerm | 0o755
	case mode.IsRegular() && isProgram(name):
		return mode&^fs.ModePerm | 0o755
	}
	return mode&^fs.ModePerm | 0o644
}

// libraries is the tree that libraries of programs come from: this machine's
// root where it is Linux's, and nothing elsewhere.
func (h host) libraries() (tree.Tree, io.Closer, error) {
	if h.goos != "linux" {
		return &tree.Memory{}, io.NopCloser(nil), nil
	}
	root, err := tree.OpenDir("/")
	return root, root, err
}

// isProgram reports whether a file is an ELF file or a script. What cannot be
// read is found out when it is copied.
func isProgram(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len("\x7fELF"))
	n, err := io.ReadFull(f, head)
	if err != nil && n < 2 {
		return false
	}
	return string(head) == "\x7fELF" || bytes.HasPrefix(head, []byte("#!"))
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
