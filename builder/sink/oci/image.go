// Package oci makes an image from a plan without BuildKit: one layer, equal
// bytes for equal plans.
package oci

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/compression"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Options say how an image is written. The zero value is an amd64 Linux image
// with gzip at its best level, created at the beginning of 1970.
type Options struct {
	Architecture string // "" for amd64
	Variant      string
	Created      time.Time // zero for 1970
	Zstd         bool      // instead of gzip
}

// New makes the image of p. Contents are read from t whenever the layer is
// read, so t must stay open as long as the image is used.
func New(ctx context.Context, p *image.Plan, t tree.Tree, o Options) (v1.Image, error) {
	if o.Created.IsZero() {
		o.Created = time.Unix(0, 0).UTC()
	}
	if o.Architecture == "" {
		o.Architecture = "amd64"
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	config, err := configFile(p, o)
	if err != nil {
		return nil, err
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, fmt.Errorf("setting the image configuration: %w", err)
	}
	if len(p.Entries) == 0 {
		return img, nil
	}
	opts := []tarball.LayerOption{tarball.WithCompressionLevel(9), tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching}
	if o.Zstd {
		opts = []tarball.LayerOption{tarball.WithCompression(compression.ZStd), tarball.WithCompressionLevel(19), tarball.WithMediaType(types.OCILayerZStd), tarball.WithCompressedCaching}
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return stream(ctx, p, t, o.Created), nil }, opts...)
	if err != nil {
		return nil, fmt.Errorf("writing the layer: %w", err)
	}
	img, err = mutate.Append(img, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: o.Created}, CreatedBy: "whittle", Comment: "the files that the program needs"},
	})
	if err != nil {
		return nil, fmt.Errorf("adding the layer: %w", err)
	}
	return img, nil
}

// configFile gives the plan's configuration in go-containerregistry's types,
// which write the same JSON.
func configFile(p *image.Plan, o Options) (*v1.ConfigFile, error) {
	dt, err := json.Marshal(struct {
		Config dockerspec.DockerOCIImageConfig `json:"config"`
	}{p.Config})
	if err != nil {
		return nil, fmt.Errorf("writing the image configuration: %w", err)
	}
	var c v1.ConfigFile
	if err := json.Unmarshal(dt, &c); err != nil {
		return nil, fmt.Errorf("writing the image configuration: %w", err)
	}
	c.OS, c.Architecture, c.Variant = "linux", o.Architecture, o.Variant
	c.Created = v1.Time{Time: o.Created}
	c.RootFS = v1.RootFS{Type: "layers"}
	return &c, nil
}

// stream writes the layer into a pipe.
func stream(ctx context.Context, p *image.Plan, t tree.Tree, created time.Time) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		tw := tar.NewWriter(w)
		for _, e := range p.Entries {
			if err := write(ctx, tw, t, e, created); err != nil {
				w.CloseWithError(fmt.Errorf("writing %s: %w", e.Path, err))
				return
			}
		}
		w.CloseWithError(tw.Close())
	}()
	return r
}

func write(ctx context.Context, tw *tar.Writer, t tree.Tree, e image.Entry, created time.Time) error {
	h := &tar.Header{
		Name: strings.TrimPrefix(e.Path, "/"), Mode: int64(image.UnixMode(e.Mode)), Uid: e.UID, Gid: e.GID, ModTime: created,
	}
	switch e.Type {
	case image.Dir:
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case image.Symlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.Linkname
	default:
		h.Typeflag, h.Size = tar.TypeReg, e.Size
	}
	if e.Source != "" && e.Type == image.File {
		if err := xattrs(ctx, h, t, e); err != nil {
			return err
		}
	}
	if err := tw.WriteHeader(h); err != nil || e.Type != image.File {
		return err
	}
	if e.Source == "" {
		_, err := tw.Write(e.Data)
		return err
	}
	r, err := t.Open(ctx, e.Source)
	if err != nil {
		return err
	}
	n, err := io.Copy(tw, io.NewSectionReader(r, 0, e.Size))
	if err == nil && n < e.Size {
		err = fmt.Errorf("it has %d bytes, not %d as before", n, e.Size)
	}
	return err
}

// capability is the extended attribute that goes into layers: BuildKit writes
// no other one either, and those of a machine's security modules belong to it.
const capability = "security.capability"

// xattrs carries file capabilities along.
func xattrs(ctx context.Context, h *tar.Header, t tree.Tree, e image.Entry) error {
	src, err := t.Lstat(ctx, path.Clean(e.Source))
	if err != nil {
		return err
	}
	if v, ok := src.Xattrs[capability]; ok {
		h.PAXRecords = map[string]string{"SCHILY.xattr." + capability: string(v)}
	}
	return nil
}
