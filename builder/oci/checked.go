package oci

import (
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// checked is an image whose layers, when they cannot be read, say which blob
// of which place is at fault, and whether it is not what its digest says: a
// decompressor notices a changed byte before the end is reached, where digests
// are compared.
type checked struct {
	v1.Image
	name func(digest string) string
}

// Layers implements v1.Image.
func (c checked) Layers() ([]v1.Layer, error) {
	layers, err := c.Image.Layers()
	for i, l := range layers {
		layers[i] = checkedLayer{l, c.name}
	}
	return layers, err
}

// LayerByDigest implements v1.Image.
func (c checked) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	l, err := c.Image.LayerByDigest(h)
	if err != nil {
		return nil, err
	}
	return checkedLayer{l, c.name}, nil
}

// LayerByDiffID implements v1.Image.
func (c checked) LayerByDiffID(h v1.Hash) (v1.Layer, error) {
	l, err := c.Image.LayerByDiffID(h)
	if err != nil {
		return nil, err
	}
	return checkedLayer{l, c.name}, nil
}

type checkedLayer struct {
	v1.Layer
	name func(digest string) string
}

// Compressed implements v1.Layer.
func (l checkedLayer) Compressed() (io.ReadCloser, error) {
	rc, err := l.Layer.Compressed()
	if err != nil {
		return nil, l.problem(err)
	}
	return &checkedReader{rc, rc, nil, l}, nil
}

// Uncompressed implements v1.Layer.
func (l checkedLayer) Uncompressed() (io.ReadCloser, error) {
	rc, err := l.Layer.Compressed()
	if err != nil {
		return nil, l.problem(err)
	}
	plain, err := decompressed(rc)
	if err != nil {
		r := &checkedReader{rc, rc, rc, l}
		return nil, errors.Join(r.blame(err), rc.Close())
	}
	return &checkedReader{plain, plain, rc, l}, nil
}

// problem names the blob in an error that does not.
func (l checkedLayer) problem(err error) error {
	h, bad := l.Digest()
	if bad != nil {
		return err
	}
	name := l.name(h.String())
	switch {
	case strings.Contains(err.Error(), name):
		return err
	case strings.Contains(err.Error(), "error verifying"): // the library has no type for this; a test holds the words
		return &ChangedError{name, "blob"}
	}
	return fmt.Errorf("reading %s: %w", name, err)
}

// checkedReader reads a layer, decompressed or not.
type checkedReader struct {
	io.Reader
	io.Closer
	source io.Reader // what is decompressed, nil for nothing
	layer  checkedLayer
}

// Read implements io.Reader.
func (r *checkedReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.blame(err)
	}
	return n, err
}

// blame reads the source to its end, where its digest is compared.
func (r *checkedReader) blame(err error) error {
	if r.source != nil {
		if _, worse := io.Copy(io.Discard, r.source); worse != nil {
			err = worse
		}
	}
	return r.layer.problem(err)
}
