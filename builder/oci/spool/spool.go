// Package spool keeps bytes that are too many for memory in a temporary file.
package spool

import (
	"errors"
	"fmt"
	"os"
)

// A File is a temporary file that is gone once it is closed, and on systems
// that can remove an open file also when the process ends without closing it.
type File struct {
	*os.File
	name string // "" once it is removed
}

// New makes an empty file in the directory for temporary files (os.TempDir).
func New() (*File, error) {
	f, err := os.CreateTemp("", "whittle-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary file: %w", err)
	}
	s := &File{File: f, name: f.Name()}
	if os.Remove(s.name) == nil {
		s.name = ""
	}
	return s, nil
}

// Close releases and removes the file.
func (f *File) Close() error {
	err := f.File.Close()
	if f.name != "" {
		err = errors.Join(err, os.Remove(f.name))
	}
	return err
}
