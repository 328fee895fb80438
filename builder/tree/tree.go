// Package tree reads a root filesystem, wherever it is kept: in a solved
// BuildKit reference, in an image's layers, in a directory.
//
// Paths are absolute, slash-separated and clean, "/" being the root. Nothing
// in this package or its implementations ever follows a symbolic link on the
// host: links are resolved by [Resolve], inside the root.
package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// A Tree is a read-only root filesystem.
//
// The directory part of every path given to a Tree must be real: free of
// symbolic links. Use [Resolve] to make it so.
type Tree interface {
	// Lstat describes the file at name without following it when it is a
	// symbolic link. A file that is not there is an error for which
	// errors.Is(err, fs.ErrNotExist) holds.
	Lstat(ctx context.Context, name string) (Entry, error)

	// ReadDir lists the directory at name in the order of names.
	ReadDir(ctx context.Context, name string) ([]Entry, error)

	// Open returns the content of the regular file at name for ranged reads.
	// The reader is valid as long as the Tree is, and need not be closed.
	Open(ctx context.Context, name string) (io.ReaderAt, error)
}

// An Entry describes one file.
type Entry struct {
	Name     string      // base name; "/" for the root
	Mode     fs.FileMode // type and permission bits, setuid, setgid and sticky included
	Size     int64       // bytes, of a regular file
	UID, GID int
	Linkname string            // target of a symbolic link, as written
	ModTime  int64             // nanoseconds since 1970
	Xattrs   map[string][]byte // nil when there are none
	// LinkID is the same for the names of one file, its hard links, and differs
	// between files. It is "" for a file of which the tree knows no other name.
	LinkID string
}

// IsDir reports whether e is a directory.
func (e Entry) IsDir() bool { return e.Mode.IsDir() }

// IsRegular reports whether e is a regular file.
func (e Entry) IsRegular() bool { return e.Mode.IsRegular() }

// IsSymlink reports whether e is a symbolic link.
func (e Entry) IsSymlink() bool { return e.Mode&fs.ModeSymlink != 0 }

// maxLinks is how many links one resolution follows before it gives up. Linux
// stops at the same number (path_resolution(7)).
const maxLinks = 40

// ErrLoop is returned for paths that lead through too many symbolic links.
var ErrLoop = errors.New("too many levels of symbolic links")

// A Resolved is the end of a walk along a path.
type Resolved struct {
	Path  string // real path of the file
	Entry Entry  // never a symbolic link
	// Links are the symbolic links passed on the way, as real paths in the
	// order they were followed. A copy of the file that keeps its name needs
	// these too.
	Links []string
}

// Resolve follows name to the file it means, as chroot(2) into t would: ".."
// stops at the root and absolute links start there.
//
// Errors are *fs.PathError with name; errors.Is finds fs.ErrNotExist for a
// missing component and for one that has to be a directory and is none, and
// ErrLoop for a loop. When a component is missing, the
// links followed so far are in the result.
func Resolve(ctx context.Context, t Tree, name string) (Resolved, error) {
	var res Resolved
	rest := split(name)
	cur := "/"
	entry := Entry{Name: "/", Mode: fs.ModeDir | 0o755}
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if !entry.IsDir() {
			return res, &fs.PathError{Op: "resolve", Path: name, Err: fs.ErrNotExist}
		}
		if part == "." {
			continue
		}
		if part == ".." {
			cur = path.Dir(cur)
			entry = Entry{Name: path.Base(cur), Mode: fs.ModeDir | 0o755}
			continue
		}
		next := path.Join(cur, part)
		e, err := t.Lstat(ctx, next)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = fs.ErrNotExist
			}
			return res, &fs.PathError{Op: "resolve", Path: name, Err: err}
		}
		if !e.IsSymlink() {
			cur, entry = next, e
			continue
		}
		if len(res.Links) >= maxLinks {
			return res, &fs.PathError{Op: "resolve", Path: name, Err: ErrLoop}
		}
		res.Links = append(res.Links, next)
		if path.IsAbs(e.Linkname) {
			cur = "/"
		}
		entry = Entry{Mode: fs.ModeDir}
		rest = append(split(e.Linkname), rest...)
	}
	if cur == "/" || entry.Name == "" || entry.IsDir() {
		// After ".." or a link that names a directory, only the path is known.
		e, err := t.Lstat(ctx, cur)
		if err != nil {
			return res, &fs.PathError{Op: "resolve", Path: name, Err: err}
		}
		entry = e
	}
	res.Path, res.Entry = cur, entry
	return res, nil
}

// split cuts a path into components, without empty ones. A slash at the end
// stands for ".", since what comes before it must be a directory (path_resolution(7)).
func split(name string) []string {
	parts := strings.Split(name, "/")
	out := parts[:0]
	for i, p := range parts {
		switch {
		case p != "":
			out = append(out, p)
		case i == len(parts)-1:
			out = append(out, ".")
		}
	}
	return out
}

// notRegular is the error for a directory, device, socket or pipe where a file
// is read. Who does without the file does without these, too.
type notRegular struct{}

func (notRegular) Error() string        { return "not a regular file" }
func (notRegular) Is(target error) bool { return target == fs.ErrNotExist }

// Missing reports whether an error says that a path leads to nothing: a part of
// it is not there, or its links lead in a circle.
func Missing(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrLoop) }

// Find is Resolve where a path may lead nowhere: ok is false then.
func Find(ctx context.Context, t Tree, name string) (res Resolved, ok bool, err error) {
	res, err = Resolve(ctx, t, name)
	if Missing(err) {
		return res, false, nil
	}
	return res, err == nil, err
}

// FindFile is Find for regular files.
func FindFile(ctx context.Context, t Tree, name string) (Resolved, bool, error) {
	res, ok, err := Find(ctx, t, name)
	return res, ok && res.Entry.IsRegular(), err
}

// ReadOptional is [ReadFile] for a file that need not be there; nil when it is
// not, or is something else than a file.
func ReadOptional(ctx context.Context, t Tree, name string, limit int64) ([]byte, error) {
	data, err := ReadFile(ctx, t, name, limit)
	if Missing(err) {
		return nil, nil
	}
	return data, err
}

// ReadFile returns the content of the regular file that name leads to. A file
// larger than limit bytes is an error, so that a hostile tree cannot fill the
// memory. For what is no regular file errors.Is finds fs.ErrNotExist.
func ReadFile(ctx context.Context, t Tree, name string, limit int64) ([]byte, error) {
	res, err := Resolve(ctx, t, name)
	if err != nil {
		return nil, err
	}
	if !res.Entry.IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: notRegular{}}
	}
	if res.Entry.Size > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%d bytes, more than the limit of %d", res.Entry.Size, limit)}
	}
	r, err := t.Open(ctx, res.Path)
	if err != nil {
		return nil, err
	}
	b := make([]byte, res.Entry.Size)
	if n, err := r.ReadAt(b, 0); err != nil && (!errors.Is(err, io.EOF) || n != len(b)) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return b, nil
}

// SkipDir is what the function given to [Walk] returns to leave a directory out.
var SkipDir = fs.SkipDir

// Walk calls f for the file at root and everything below it, parents before
// children and siblings in the order of names. Symbolic links are not
// followed.
func Walk(ctx context.Context, t Tree, root string, f func(name string, e Entry) error) error {
	e, err := t.Lstat(ctx, root)
	if err != nil {
		return err
	}
	err = walk(ctx, t, root, e, f)
	if errors.Is(err, SkipDir) {
		return nil
	}
	return err
}

func walk(ctx context.Context, t Tree, name string, e Entry, f func(string, Entry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f(name, e); err != nil || !e.IsDir() {
		return err
	}
	entries, err := t.ReadDir(ctx, name)
	if err != nil {
		return err
	}
	for _, child := range entries {
		if err := walk(ctx, t, path.Join(name, child.Name), child, f); err != nil && !errors.Is(err, SkipDir) {
			return err
		}
	}
	return nil
}

// Sort puts entries in the order of names, as ReadDir returns them.
func Sort(entries []Entry) {
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name < entries[j].Name })
}

// notExist is the error every implementation gives for a missing file.
func notExist(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}
