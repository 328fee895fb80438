package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/rogpeppe/go-internal/diff"
)

// writeWhole writes a file whole or not at all. What is there and is no regular
// file, such as a device or a pipe, is written to and not put out of its place.
func writeWhole(name string, data []byte) error {
	info, err := os.Stat(name)
	if err != nil || info.Mode().IsRegular() {
		err = maybe.WriteFile(name, data, 0o644)
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			e.Path = name // not that of the file that is put into its place
		}
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// replace writes the new text of a file that is there, whole or not at all,
// where a symbolic link leads to. Mode and owner stay, where the latter may be
// set. A file that nobody may write is not changed.
func replace(name string, data []byte) error {
	file, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("writing %s: it is no regular file; give its text on standard input, as -", name)
	case info.Mode().Perm()&0o222 == 0:
		return fmt.Errorf("writing %s: it is read-only", name)
	}
	if err := maybe.WriteFile(file, data, info.Mode().Perm()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	keepOwner(file, info)
	return nil
}

// changes is what changes in a file, as patch -p1 and git apply read it; nothing
// where nothing does.
func changes(name string, before, after []byte) []byte {
	if here, err := os.Getwd(); err == nil && filepath.IsAbs(name) {
		if below, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(below) {
			name = below
		}
	}
	name = strings.TrimPrefix(filepath.ToSlash(name), "/")
	return diff.Diff("a/"+name, before, "b/"+name, after)
}
