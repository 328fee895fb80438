package oci

import (
	"errors"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// verified compares what is read with a digest, and fails at the end or where
// there is more.
type verified struct {
	io.Reader
	io.Closer
	name string // place and digest, for messages
	want string // the digest in hexadecimal
	sum  hash.Hash
	left int64 // bytes to come, negative where their number is not known
}

// verify reads from rc what has the digest want, and size bytes or, where
// size is negative, any number of them.
func verify(rc io.ReadCloser, name string, want v1.Hash, size int64) (io.ReadCloser, error) {
	sum, err := v1.Hasher(want.Algorithm)
	if err != nil {
		return nil, errors.Join(err, rc.Close())
	}
	if size < 0 {
		return &verified{rc, rc, name, want.Hex, sum, -1}, nil
	}
	// One byte more is read, so that the end is seen.
	return &verified{io.LimitReader(rc, size+1), rc, name, want.Hex, sum, size}, nil
}

// Read implements io.Reader.
func (v *verified) Read(b []byte) (int, error) {
	n, err := v.Reader.Read(b)
	_, _ = v.sum.Write(b[:n])
	if v.left >= 0 {
		if v.left -= int64(n); v.left < 0 {
			return 0, &ChangedError{v.name, "blob"}
		}
	}
	if errors.Is(err, io.EOF) && (v.left > 0 || fmt.Sprintf("%x", v.sum.Sum(nil)) != v.want) {
		return n, &ChangedError{v.name, "blob"}
	}
	return n, err
}
