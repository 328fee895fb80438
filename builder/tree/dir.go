package tree

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Dir is the Tree below a directory of this machine. It reads through
// os.Root, so that no link in it can lead outside.
type Dir struct{ root *os.Root }

// OpenDir opens the directory at name. The caller must Close it.
func OpenDir(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("opening root: %w", err)
	}
	return &Dir{root}, nil
}

// Close releases the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Lstat implements Tree.
func (d *Dir) Lstat(_ context.Context, name string) (Entry, error) {
	info, err := d.root.Lstat(local(name))
	if err != nil {
		return Entry{}, err
	}
	return d.entry(name, info)
}

// ReadDir implements Tree.
func (d *Dir) ReadDir(ctx context.Context, name string) ([]Entry, error) {
	f, err := d.root.Open(local(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(names))
	for _, n := range names {
		e, err := d.Lstat(ctx, strings.TrimSuffix(name, "/")+"/"+n)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	Sort(out)
	return out, nil
}

// Open implements Tree. The file is opened anew for every read, so that a walk
// over a large tree holds no descriptors.
func (d *Dir) Open(ctx context.Context, name string) (io.ReaderAt, error) {
	e, err := d.Lstat(ctx, name)
	if err != nil {
		return nil, err
	}
	if !e.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("not a regular file")}
	}
	return dirFile{d, name}, nil
}

type dirFile struct {
	d    *Dir
	name string
}

// ReadAt implements io.ReaderAt.
func (f dirFile) ReadAt(b []byte, off int64) (int, error) {
	file, err := f.d.root.Open(local(f.name))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return file.ReadAt(b, off)
}

func (d *Dir) entry(name string, info fs.FileInfo) (Entry, error) {
	e := Entry{Name: info.Name(), Mode: info.Mode(), ModTime: info.ModTime().UnixNano()}
	if name == "/" {
		e.Name = "/"
	}
	e.UID, e.GID = owner(info)
	switch {
	case e.IsRegular():
		e.Size, e.LinkID = info.Size(), LinkID(info)
	case e.IsSymlink():
		target, err := d.root.Readlink(local(name))
		if err != nil {
			return Entry{}, err
		}
		e.Linkname = filepath.ToSlash(target)
	}
	return e, nil
}

// local makes name relative, as os.Root wants it.
func local(name string) string {
	if name = strings.Trim(name, "/"); name == "" {
		return "."
	}
	return name
}
