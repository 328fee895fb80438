package staging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// DirOptions say how a staged directory comes into its place.
type DirOptions struct {
	// Last are names in the directory that are moved after all others: those
	// of files that point to the others, such as the index of an OCI layout.
	Last []string
	// Mirror removes what was in the directory before and is not in the new
	// one.
	Mirror bool
}

// Dir stages a directory and gives the temporary one to write into, on the same
// file system. A directory that is not there yet appears whole, with its
// parents. One that exists is added to, by Commit alone: a file replaces that
// of its name, whole; everything else in it stays. A file and a directory of
// the same name are a *ConflictError, before anything is moved.
func (s *Set) Dir(dest string, o DirOptions) (string, error) {
	t, err := resolve(dest)
	if err != nil {
		return "", pathError("open", dest, err)
	}
	if t.info != nil && !t.info.IsDir() {
		return "", &KindError{Path: dest}
	}
	d := &dir{name: dest, to: t.path, exists: t.info != nil, options: o}
	in := t.path // where it exists it may be a mount point: no renaming from beside it
	if !d.exists {
		in = filepath.Dir(t.path)
		if d.made, err = makeParents(in); err != nil {
			return "", pathError("mkdir", dest, err)
		}
	}
	d.tmp = temporary(in)
	if err := os.Mkdir(d.tmp, 0o777); err != nil {
		d.discard()
		return "", pathError("mkdir", dest, err)
	}
	s.list = append(s.list, d)
	return d.tmp, nil
}

// Occupied reports whether name is a directory with something in it.
func Occupied(name string) (bool, error) {
	entries, err := os.ReadDir(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return len(entries) > 0, err
}

// A ConflictError is a file that would have to replace a directory, or the
// other way round.
type ConflictError struct {
	Path string // what is there
	Dir  bool   // that is a directory
}

// Error names what is in the way.
func (e *ConflictError) Error() string {
	if e.Dir {
		return e.Path + " is a directory, and a file of that name is to be written: remove it first"
	}
	return e.Path + " is a file, and a directory of that name is to be written: remove it first"
}

// A dir is written into a temporary directory.
type dir struct {
	name, to string // as the user wrote it; behind symbolic links
	exists   bool
	made     []string // parents that were made for it, the outermost first
	tmp      string
	options  DirOptions
}

// makeParents makes the directories that are missing, and gives those.
func makeParents(name string) (made []string, err error) {
	for p := name; ; p = filepath.Dir(p) {
		if _, err := os.Lstat(p); err == nil || p == filepath.Dir(p) {
			break
		}
		made = append(made, p)
	}
	slices.Reverse(made)
	return made, os.MkdirAll(name, 0o777)
}

// failed tries whether there is no room left. Others write into the directory,
// and an error of theirs may have lost its cause on the way.
func (d *dir) failed() error {
	probe := temporary(d.tmp)
	defer os.Remove(probe)
	return pathError("write", d.name, os.WriteFile(probe, make([]byte, 64<<10), 0o600))
}

func (d *dir) finish() error {
	if !d.exists || d.options.Mirror {
		return nil
	}
	return conflicts(d.tmp, d.to)
}

func (d *dir) publish() error {
	if !d.exists {
		if err := os.Rename(d.tmp, d.to); err != nil {
			return pathError("write", d.name, err)
		}
		d.made = nil
		return nil
	}
	if d.options.Mirror {
		if err := d.prune(d.tmp, d.to); err != nil {
			return pathError("write", d.name, err)
		}
	}
	last := func(name string) bool { return slices.Contains(d.options.Last, name) }
	for _, late := range []bool{false, true} {
		err := merge(d.tmp, d.to, func(name string) bool { return last(name) == late })
		if err != nil {
			return pathError("write", d.name, err)
		}
	}
	return pathError("write", d.name, removeAll(d.tmp))
}

// merge moves the files of one directory into another that exists.
func merge(from, to string, wanted func(name string) bool) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	all := func(string) bool { return true }
	for _, e := range entries {
		if !wanted(e.Name()) {
			continue
		}
		src, dst := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.IsDir() && isDir(dst) {
			err = merge(src, dst, all)
		} else {
			err = move(src, dst, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prune removes what the new directory does not hold, or holds as something
// else.
func (d *dir) prune(from, to string) error {
	there, err := os.ReadDir(to)
	if err != nil {
		return err
	}
	for _, e := range there {
		old := filepath.Join(to, e.Name())
		if old == d.tmp {
			continue
		}
		info, err := os.Lstat(filepath.Join(from, e.Name()))
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
		case err != nil || info.IsDir() != e.IsDir():
			err = removeAll(old)
		case e.IsDir():
			err = d.prune(filepath.Join(from, e.Name()), old)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// conflicts looks for a file where a directory is, and the other way round.
func conflicts(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		dst := filepath.Join(to, e.Name())
		info, err := os.Lstat(dst)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		case info.IsDir() != e.IsDir():
			return &ConflictError{Path: dst, Dir: info.IsDir()}
		case !e.IsDir():
			continue
		}
		if err := conflicts(filepath.Join(from, e.Name()), dst); err != nil {
			return err
		}
	}
	return nil
}

func isDir(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.IsDir()
}

// move renames src to dst. A directory that its owner may not write to cannot
// be moved into another (rename(2), EACCES), so it is made writable meanwhile.
func move(src, dst string, e fs.DirEntry) error {
	err := os.Rename(src, dst)
	if !errors.Is(err, fs.ErrPermission) || !e.IsDir() {
		return err
	}
	info, ierr := e.Info()
	if ierr != nil {
		return err
	}
	if os.Chmod(src, info.Mode()|0o700) != nil || os.Rename(src, dst) != nil {
		return err
	}
	return os.Chmod(dst, info.Mode())
}

func (d *dir) discard() {
	_ = removeAll(d.tmp)
	for _, p := range slices.Backward(d.made) {
		_ = os.Remove(p) // where it is empty
	}
}

// removeAll removes a directory, with directories in it that their owner may
// not write to, and while somebody who was interrupted still writes to it.
func removeAll(name string) error {
	var err error
	for range 3 {
		if err = os.RemoveAll(name); err == nil {
			return nil
		}
		_ = filepath.WalkDir(name, func(path string, e fs.DirEntry, err error) error {
			if e != nil && e.IsDir() && (err == nil || errors.Is(err, fs.ErrPermission)) {
				_ = os.Chmod(path, 0o700)
			}
			return nil
		})
	}
	return fmt.Errorf("removing %s: %w", name, err)
}
