package oci

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/whittle-oci/whittle/builder/oci/spool"
)

// A layer is compressed once, into a temporary file: it may be of any size,
// and its digest has to be known before it is written anywhere.
type layer struct {
	spool          *spool.File
	size           int64
	digest, diffID v1.Hash
	zstd           bool
}

// newLayer makes the layer of the archive that write writes.
func newLayer(write func(io.Writer) error, z bool) (_ *layer, err error) {
	s, err := spool.New()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	l := &layer{spool: s, zstd: z}
	compressed, plain := &hashed{w: s, sum: sha256.New()}, sha256.New()
	buffered := bufio.NewWriterSize(compressed, 64<<10)
	var c io.WriteCloser
	if z {
		c, err = zstd.NewWriter(buffered, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	} else {
		c, err = gzip.NewWriterLevel(buffered, gzip.BestCompression)
	}
	if err != nil {
		return nil, err
	}
	if err := write(io.MultiWriter(c, plain)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.Close(); err != nil {
		return nil, err
	}
	if err := buffered.Flush(); err != nil {
		return nil, err
	}
	l.size, l.digest, l.diffID = compressed.n, digest(compressed.sum), digest(plain)
	return l, nil
}

func digest(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// hashed counts and hashes what is written.
type hashed struct {
	w   io.Writer
	n   int64
	sum hash.Hash
}

// Write implements io.Writer.
func (h *hashed) Write(b []byte) (int, error) {
	n, err := h.w.Write(b)
	h.n += int64(n)
	_, _ = h.sum.Write(b[:n])
	return n, err
}

// Digest implements v1.Layer.
func (l *layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID implements v1.Layer.
func (l *layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size implements v1.Layer.
func (l *layer) Size() (int64, error) { return l.size, nil }

// MediaType implements v1.Layer.
func (l *layer) MediaType() (types.MediaType, error) {
	if l.zstd {
		return types.OCILayerZStd, nil
	}
	return types.OCILayer, nil
}

// Compressed implements v1.Layer. It can be read several times at once.
func (l *layer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(l.spool, 0, l.size)), nil
}

// Uncompressed implements v1.Layer.
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	r := io.NewSectionReader(l.spool, 0, l.size)
	if !l.zstd {
		return gzip.NewReader(r)
	}
	z, err := zstd.NewReader(r)
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}
