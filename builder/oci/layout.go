package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// files are what a layout or an archive consists of. Names are relative and
// separated by slashes.
type files interface {
	// open gives a file's bytes and their number. A name that is not there
	// is fs.ErrNotExist.
	open(name string) (io.ReadCloser, int64, error)
	Close() error
}

// directory is the files of a directory. Nothing outside of it is read, and
// nothing but regular files, so that no pipe holds a reader up.
type directory struct{ *os.Root }

func (d directory) open(name string) (io.ReadCloser, int64, error) {
	info, err := d.Stat(filepath.FromSlash(name))
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := d.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// The files of an OCI layout (OCI image spec, image-layout.md).
const (
	layoutFile = "oci-layout"
	indexFile  = "index.json"
)

// Dir is an OCI layout on disk. Blobs are compared with their digests when
// they are read.
type Dir string

// Name is a digest of the layout, for messages.
func (d Dir) Name(digest string) string { return "OCI layout " + string(d) + "@" + digest }

// Index reads index.json.
func (d Dir) Index() ([]byte, error) {
	l, err := d.layout()
	if err != nil {
		return nil, err
	}
	defer l.files.Close()
	return l.index()
}

// Blob reads a blob of at most limit bytes. Bytes of another digest are a
// *ChangedError, in which it is called what.
func (d Dir) Blob(digest v1.Hash, limit int64, what string) ([]byte, error) {
	l, err := d.layout()
	if err != nil {
		return nil, err
	}
	defer l.files.Close()
	return l.blob(digest, limit, what)
}

// Put writes a blob unless it is there. Where a file by its name holds other
// bytes, it is replaced.
func (d Dir) Put(data []byte) error {
	h, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if have, err := d.Blob(h, int64(len(data)), "blob"); err == nil && bytes.Equal(have, data) {
		return nil
	}
	file := filepath.Join(string(d), filepath.FromSlash(blobPath(h)))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return staging.ReplaceFile(file, data)
}

func (d Dir) layout() (layout, error) {
	place := Ref{Kind: Layout, Path: string(d)}.Place()
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return layout{}, problem(place, err)
	}
	l, err := newLayout(place, directory{root})
	if err != nil {
		return layout{}, errors.Join(err, root.Close())
	}
	return l, nil
}

// layout is an OCI layout, in a directory or in an archive.
type layout struct {
	place string // without a tag or digest, for messages
	files files
}

// newLayout looks at what makes files an OCI layout.
func newLayout(place string, f files) (layout, error) {
	l := layout{place, f}
	raw, err := l.read(layoutFile, 1<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return l, &FormatError{place, fmt.Errorf("it is not an OCI layout: it has no file %s", layoutFile)}
	}
	if err != nil {
		return l, problem(place, err)
	}
	var version struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(raw, &version); err != nil {
		return l, &FormatError{place, fmt.Errorf("it is not an OCI layout: %s: %w", layoutFile, err)}
	}
	if major, _, _ := strings.Cut(version.Version, "."); major != "1" {
		return l, &FormatError{place, fmt.Errorf("it is an OCI layout of version %q, and only 1.0 is known", version.Version)}
	}
	return l, nil
}

// index reads index.json.
func (l layout) index() ([]byte, error) {
	raw, err := l.read(indexFile, MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FormatError{l.place, fmt.Errorf("it is not a whole OCI layout: it has no file %s", indexFile)}
	}
	if err != nil {
		return nil, problem(l.place, fmt.Errorf("reading %s: %w", indexFile, err))
	}
	return raw, nil
}

func (l layout) name(digest string) string { return l.place + "@" + digest }

// blobPath is where a blob is kept. Hashes are of a known form, so that it
// leads nowhere else.
func blobPath(h v1.Hash) string { return path.Join("blobs", h.Algorithm, h.Hex) }

// read reads a whole file of at most limit bytes.
func (l layout) read(name string, limit int64) ([]byte, error) {
	rc, size, err := l.files.open(name)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	if size > limit {
		return nil, &TooLargeError{limit}
	}
	data, err := io.ReadAll(io.LimitReader(rc, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &TooLargeError{limit}
	}
	return data, err
}

func (l layout) blob(h v1.Hash, limit int64, what string) ([]byte, error) {
	data, err := l.read(blobPath(h), limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FormatError{l.name(h.String()), fmt.Errorf("the %s is missing", what)}
	}
	if err != nil {
		return nil, problem(l.name(h.String()), err)
	}
	hash, err := v1.Hasher(h.Algorithm)
	if err != nil {
		return nil, &FormatError{l.name(h.String()), err}
	}
	_, _ = hash.Write(data)
	if fmt.Sprintf("%x", hash.Sum(nil)) != h.Hex {
		return nil, &ChangedError{l.name(h.String()), what}
	}
	return data, nil
}
