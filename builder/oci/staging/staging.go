// Package staging puts files and directories where a user wants them, whole or
// not at all: they are written beside their place and moved there at the end.
// What is no regular file, such as a device, a named pipe or an open descriptor
// (/dev/stdout, /dev/fd/N), is written to and never replaced.
//
// Errors are *fs.PathErrors that name the path which was asked for, not that of
// a temporary file.
package staging

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Set is the outputs of one run: either all of them are in place at its end,
// or nothing of them is left. Regular files and directories of a Set do not
// show before Commit.
type Set struct {
	ctx  context.Context // a Set lives as long as the run
	list []staged
}

// staged is one output.
type staged interface {
	finish() error  // everything is written; the first error of all writes
	publish() error // moves it into place
	discard()       // removes what was not published
	failed() error  // the first error so far
}

// New makes a Set whose writers fail once ctx is done, with its cause.
func New(ctx context.Context) *Set { return &Set{ctx: ctx} }

// Commit moves everything into place. Nothing is moved when one of the outputs
// could not be written to its end.
func (s *Set) Commit() error {
	for _, x := range s.list {
		if err := x.finish(); err != nil {
			return err
		}
	}
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	for _, x := range s.list {
		if err := x.publish(); err != nil {
			return err
		}
	}
	s.list = nil
	return nil
}

// Discard removes what was not committed. It may be called at any time, and
// after Commit it does nothing.
func (s *Set) Discard() {
	for _, x := range s.list {
		x.discard()
	}
	s.list = nil
}

// Err is the first error of a write, for those whose writer's caller is far
// away and loses it.
func (s *Set) Err() error {
	for _, x := range s.list {
		if err := x.failed(); err != nil {
			return err
		}
	}
	return nil
}

// File stages a file. An existing regular file keeps its mode and owner, and
// must be writable; a symbolic link to one stays. A new one has mode 0666 less
// the umask. The caller may close the writer or leave that to Commit.
func (s *Set) File(dest string) (io.WriteCloser, error) {
	t, err := resolve(dest)
	if err != nil {
		return nil, pathError("open", dest, err)
	}
	if t.info != nil && t.info.IsDir() {
		return nil, &KindError{Path: dest, Dir: true}
	}
	if t.inPlace() {
		w := s.stream(dest, t.open)
		return w, nil
	}
	f, err := newFile(dest, t, func() error { return context.Cause(s.ctx) })
	if err != nil {
		return nil, pathError("open", dest, err)
	}
	s.list = append(s.list, f)
	return f, nil
}

// Stream stages a writer that is open already, such as standard output; name
// is for errors. It is never closed.
func (s *Set) Stream(name string, w io.Writer) io.WriteCloser {
	return s.stream(name, func() (io.Writer, io.Closer, error) { return w, nil, nil })
}

// WriteFile writes data into the file dest as File does. It waits for the
// reader of a named pipe until ctx is done.
func WriteFile(ctx context.Context, dest string, data []byte) error {
	s := New(ctx)
	defer s.Discard()
	w, err := s.File(dest)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	return s.Commit()
}

// ReplaceFile writes data into the file dest as File does, where dest is a
// regular file or not there yet: one that is edited, or one of a cache.
func ReplaceFile(dest string, data []byte) error {
	t, err := resolve(dest)
	switch {
	case err != nil:
		return pathError("open", dest, err)
	case t.info != nil && t.info.IsDir():
		return &KindError{Path: dest, Dir: true}
	case t.inPlace():
		return pathError("open", dest, errors.New("not a regular file"))
	}
	f, err := newFile(dest, t, func() error { return nil })
	if err != nil {
		return pathError("open", dest, err)
	}
	defer f.discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.finish(); err != nil {
		return err
	}
	return f.publish()
}

// A KindError is a directory where a file is wanted, or the other way round.
type KindError struct {
	Path string
	Dir  bool // what is there is a directory
}

// Error says what is there.
func (e *KindError) Error() string {
	if e.Dir {
		return e.Path + " is a directory, not a file"
	}
	return e.Path + " is a file, not a directory"
}

// Named gives an error of writing below the temporary directory tmp the path
// that the user knows, dest; any other error is told to be one of writing it. Of
// nil it is nil.
func Named(tmp, dest string, err error) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok && strings.HasPrefix(p.Path, tmp) {
		return pathError("write", dest, err)
	}
	return fmt.Errorf("writing %s: %w", dest, err)
}

// pathError gives an error the path that the user knows.
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	} else if l, ok := errors.AsType[*os.LinkError](err); ok {
		err = l.Err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// temporary gives a name that is not there yet, in dir.
func temporary(dir string) string { return filepath.Join(dir, prefix+rand.Text()) }

// prefix begins the names of temporary files and directories.
const prefix = ".whittle-"
