package need

import (
	"context"
	"errors"
	"io"

	"github.com/whittle-oci/whittle/builder/tree"
)

// errMuch is what a metered tree answers once too much was read.
var errMuch = errors.New("too much of the built image was read")

// metered is a tree of which no more than some bytes can be read.
type metered struct {
	tree.Tree
	left     int64 // bytes
	exceeded bool
}

// Open implements tree.Tree.
func (m *metered) Open(ctx context.Context, name string) (io.ReaderAt, error) {
	r, err := m.Tree.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return meteredReader{r, m}, nil
}

type meteredReader struct {
	io.ReaderAt
	of *metered
}

// ReadAt implements io.ReaderAt.
func (r meteredReader) ReadAt(p []byte, off int64) (int, error) {
	if r.of.left < int64(len(p)) {
		r.of.exceeded = true
		return 0, errMuch
	}
	n, err := r.ReaderAt.ReadAt(p, off)
	r.of.left -= int64(n)
	return n, err
}
