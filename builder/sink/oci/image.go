// Package oci makes an image from a plan without BuildKit: equal bytes for equal
// plans.
package oci

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
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

// An Image is one whose layers lie in temporary files. Close removes them.
type Image struct {
	v1.Image
	layers []*layer
}

// Close removes the layers, which cannot be read any more.
func (i *Image) Close() error {
	var errs []error
	for _, l := range i.layers {
		errs = append(errs, l.spool.Close())
	}
	return errors.Join(errs...)
}

// New makes the image of p, whose files it reads from t. The caller must Close
// it.
func New(ctx context.Context, p *image.Plan, t tree.Tree, o Options) (*Image, error) {
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
	out := &Image{Image: img}
	for _, l := range p.Layers {
		if err := out.add(ctx, l, p, t, o); err != nil {
			return nil, errors.Join(err, out.Close())
		}
	}
	return out, nil
}

// add puts a layer on the image.
func (i *Image) add(ctx context.Context, l image.Layer, p *image.Plan, t tree.Tree, o Options) error {
	made, err := newLayer(func(w io.Writer) error { return archive(ctx, w, l.Entries, p, t, image.FileTime(o.Created)) }, o.Zstd)
	if err != nil {
		return fmt.Errorf("writing the layer: %w", err)
	}
	i.layers = append(i.layers, made)
	i.Image, err = mutate.Append(i.Image, mutate.Addendum{
		Layer:   made,
		History: v1.History{Created: v1.Time{Time: o.Created}, CreatedBy: "whittle", Comment: l.Comment()},
	})
	if err != nil {
		return fmt.Errorf("adding the layer: %w", err)
	}
	return nil
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

// archive writes files of a plan.
func archive(ctx context.Context, w io.Writer, entries []image.Entry, p *image.Plan, t tree.Tree, created time.Time) error {
	tw := tar.NewWriter(w)
	for _, e := range entries {
		err := ctx.Err()
		if err == nil {
			err = write(ctx, tw, t, e, p, created)
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", e.Path, err)
		}
	}
	return tw.Close()
}

func write(ctx context.Context, tw *tar.Writer, t tree.Tree, e image.Entry, p *image.Plan, created time.Time) error {
	h := &tar.Header{
		Name: strings.TrimPrefix(e.Path, "/"), Mode: int64(image.UnixMode(e.Mode)), Uid: e.UID, Gid: e.GID, ModTime: created,
	}
	if e.ModTime != 0 {
		h.ModTime = time.Unix(e.ModTime, 0)
	}
	switch {
	case e.Type == image.Dir:
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case e.Type == image.Symlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.Linkname
	case e.Hardlink != "":
		h.Typeflag, h.Linkname = tar.TypeLink, strings.TrimPrefix(e.Hardlink, "/")
	default:
		h.Typeflag, h.Size = tar.TypeReg, e.Size
	}
	if e.Source != "" && e.Type == image.File {
		if err := xattrs(ctx, h, t, e); err != nil {
			return err
		}
	}
	if err := tw.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	if e.Source == "" {
		_, err := tw.Write(e.Data)
		return err
	}
	r, err := content(ctx, t, e, p)
	if err != nil {
		return err
	}
	n, err := io.Copy(tw, r)
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
