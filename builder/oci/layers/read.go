package layers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// dockerLayerZstd is containerd's name for a layer that Docker has none for.
const dockerLayerZstd types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"

// maxWindow is the most memory that unpacking zstd may take, in bytes: what
// its highest level asks for (zstd(1), --ultra -22).
const maxWindow = 128 << 20

// apply reads a layer to its end and applies it.
func (a *applier) apply(ctx context.Context, l v1.Layer, diffID v1.Hash) error {
	rc, err := open(l)
	if err != nil {
		return err
	}
	defer rc.Close()
	ahead := readAhead(rc)
	defer ahead.close()
	sum := sha256.New()
	r := &counted{ctx, io.TeeReader(ahead, sum), a}
	if err := a.entries(ctx, r); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // digests are compared at the end
		return fmt.Errorf("reading behind the tar archive: %w", err)
	}
	if diffID.Algorithm != "sha256" || diffID.Hex != hex.EncodeToString(sum.Sum(nil)) {
		return fmt.Errorf("its content has the digest sha256:%x, not %s as the image's configuration says", sum.Sum(nil), diffID)
	}
	return nil
}

// open gives the tar archive of a layer.
func open(l v1.Layer) (io.ReadCloser, error) {
	kind, err := l.MediaType()
	if err != nil {
		return nil, err
	}
	switch {
	case !kind.IsDistributable():
		return nil, fmt.Errorf("its media type %s is that of a foreign layer, whose content the image does not bring along", kind)
	case strings.HasSuffix(string(kind), "+encrypted"):
		return nil, fmt.Errorf("its media type %s is that of an encrypted layer: decrypt the image first", kind)
	case kind == types.OCILayerZStd || kind == dockerLayerZstd:
		return openZstd(l)
	case kind == types.OCILayer || kind == types.DockerLayer || kind == types.OCIUncompressedLayer || kind == types.DockerUncompressedLayer:
		return l.Uncompressed()
	}
	return nil, fmt.Errorf("its media type %q is not that of a layer of files", kind)
}

// openZstd unpacks a layer in bounded memory.
func openZstd(l v1.Layer) (io.ReadCloser, error) {
	rc, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(rc, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		_ = rc.Close()
		return nil, err
	}
	return &unpacked{z, rc}, nil
}

// unpacked closes both a decoder and what it reads from.
type unpacked struct {
	*zstd.Decoder
	from io.Closer
}

// Close implements io.Closer.
func (u *unpacked) Close() error {
	u.Decoder.Close()
	return u.from.Close()
}

// counted counts what is read against the limit, headers, padding and what
// stands behind the archive too: little of it may unpack to very much.
type counted struct {
	ctx context.Context //nolint:containedctx // it ends reads of one layer
	r   io.Reader
	a   *applier
}

// Read implements io.Reader.
func (c *counted) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	if c.a.read += int64(n); c.a.read > c.a.limits.Bytes {
		return 0, c.a.tooMany("bytes", c.a.limits.Bytes)
	}
	return n, err
}
