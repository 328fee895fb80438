// Package archive reads the archives of Dockerfiles that the linter is measured
// with.
package archive

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
)

// Name is what an archive is called in a directory of cases.
const Name = "realworld.tar.gz"

// A File is one regular file of an archive, under a local name.
type File struct {
	Name string
	Data []byte
}

// Files reads a gzipped tar archive, or the one that a directory holds under
// Name. An error is the last that is yielded.
func Files(name string) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			name = filepath.Join(name, Name)
		}
		if err := read(name, yield); err != nil {
			yield(File{}, fmt.Errorf("reading %s: %w", name, err))
		}
	}
}

func read(name string, yield func(File, error) bool) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) {
			continue
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		if !yield(File{h.Name, data}, nil) {
			return nil
		}
	}
}
