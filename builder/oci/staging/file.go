package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A file is written beside its place.
type file struct {
	name   string       // as the user wrote it
	to     string       // behind symbolic links
	before fs.FileInfo  // what is there, or nil
	ended  func() error // why the run is over, nil while it is not
	tmp    *os.File
	closed bool
	err    error
}

func newFile(name string, t target, ended func() error) (*file, error) {
	if t.info != nil {
		// Whoever may not write a file does not replace it either.
		f, err := os.OpenFile(t.path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		_ = f.Close()
	}
	tmp, err := os.OpenFile(temporary(filepath.Dir(t.path)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &file{name: name, to: t.path, before: t.info, ended: ended, tmp: tmp}, nil
}

// Write writes into the temporary file.
func (f *file) Write(data []byte) (int, error) {
	if err := f.ended(); err != nil {
		return 0, err
	}
	n, err := f.tmp.Write(data)
	return n, f.keep(err)
}

// keep remembers the first error.
func (f *file) keep(err error) error {
	err = pathError("write", f.name, err)
	if f.err == nil {
		f.err = err
	}
	return err
}

// Close ends the writing. A full disk may show only here.
func (f *file) Close() error {
	if f.closed {
		return f.err
	}
	f.closed = true
	err := f.tmp.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		err = nil // fsync(2): the file system has none
	}
	if f.before != nil {
		err = errors.Join(err, f.tmp.Chmod(f.before.Mode().Perm()))
		keepOwner(f.tmp.Name(), f.before)
	}
	if err = errors.Join(err, f.tmp.Close()); err != nil {
		_ = f.keep(err)
	}
	return f.err
}

func (f *file) failed() error { return f.err }

func (f *file) finish() error { return f.Close() }

func (f *file) publish() error {
	return pathError("write", f.name, os.Rename(f.tmp.Name(), f.to))
}

func (f *file) discard() {
	if !f.closed {
		f.closed = true
		_ = f.tmp.Close()
	}
	_ = os.Remove(f.tmp.Name())
}
