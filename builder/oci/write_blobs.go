package oci

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A blob is a file of an image: its bytes, read when they are wanted.
type blob struct {
	name string
	size int64
	open func() (io.ReadCloser, error)
}

func inMemory(name string, data []byte) blob {
	return blob{name, int64(len(data)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// layerBlobs are the layers of an image, each once, under the names that the
// caller gives them.
func layerBlobs(img v1.Image, called func(v1.Layer, v1.Hash) string) (blobs []blob, names []string, err error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, nil, err
	}
	for _, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return nil, nil, err
		}
		size, err := l.Size()
		if err != nil {
			return nil, nil, err
		}
		n := called(l, digest)
		if !slices.Contains(names, n) {
			blobs = append(blobs, blob{n, size, l.Compressed})
		}
		names = append(names, n)
	}
	return blobs, names, nil
}

// copy writes the bytes of a blob, as many as were promised.
func (b blob) copy(ctx context.Context, w io.Writer) error {
	r, err := b.open()
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(w, ended{ctx, r})
	if err == nil && n != b.size {
		err = fmt.Errorf("%s has %d bytes, not %d", b.name, n, b.size)
	}
	return err
}

// ended is a reader that fails once ctx is done.
type ended struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (e ended) Read(p []byte) (int, error) {
	if e.ctx.Err() != nil {
		return 0, context.Cause(e.ctx)
	}
	return e.Reader.Read(p)
}

// writeTar writes files without owners and times.
func writeTar(ctx context.Context, w io.Writer, dirs []string, blobs []blob) error {
	t := tar.NewWriter(w)
	for _, d := range dirs {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: d, Mode: 0o755}); err != nil {
			return err
		}
	}
	for _, b := range blobs {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: b.name, Mode: 0o644, Size: b.size}); err != nil {
			return err
		}
		if err := b.copy(ctx, t); err != nil {
			return err
		}
	}
	return t.Close()
}
