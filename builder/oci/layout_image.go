package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manifest implements store.
func (l layout) manifest(_ context.Context, d v1.Descriptor) ([]byte, error) {
	return l.blob(d.Digest, MaxManifest, "manifest")
}

// image implements store.
func (l layout) image(ctx context.Context, d v1.Descriptor) (v1.Image, error) {
	raw, err := l.manifest(ctx, d)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, &FormatError{l.name(d.Digest.String()), fmt.Errorf("reading the manifest: %w", err)}
	}
	config, err := l.blob(m.Config.Digest, MaxManifest, "configuration")
	if err != nil {
		return nil, err
	}
	img, err := partial.CompressedToImage(&layoutImage{l, raw, config, m})
	if err != nil {
		return nil, &FormatError{l.name(d.Digest.String()), err}
	}
	return checked{img, l.name}, nil
}

// layoutImage is the core of an image whose manifest and configuration have
// been read.
type layoutImage struct {
	layout
	raw, config []byte
	parsed      *v1.Manifest
}

// RawManifest implements partial.CompressedImageCore.
func (i *layoutImage) RawManifest() ([]byte, error) { return i.raw, nil }

// RawConfigFile implements partial.CompressedImageCore.
func (i *layoutImage) RawConfigFile() ([]byte, error) { return i.config, nil }

// MediaType implements partial.CompressedImageCore.
func (i *layoutImage) MediaType() (types.MediaType, error) {
	if i.parsed.MediaType == "" { // it may be left out (OCI image spec 1.0, manifest.md)
		return types.OCIManifestSchema1, nil
	}
	return i.parsed.MediaType, nil
}

// ConfigFile implements partial.WithConfigFile.
func (i *layoutImage) ConfigFile() (*v1.ConfigFile, error) { return partial.ConfigFile(i) }

// Manifest implements partial.WithManifest.
func (i *layoutImage) Manifest() (*v1.Manifest, error) { return i.parsed, nil }

// LayerByDigest implements partial.CompressedImageCore.
func (i *layoutImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == i.parsed.Config.Digest {
		return &layoutLayer{i, i.parsed.Config}, nil
	}
	for _, d := range i.parsed.Layers {
		if d.Digest == h {
			return &layoutLayer{i, d}, nil
		}
	}
	return nil, &FormatError{i.place, fmt.Errorf("the image has no layer %s", h)}
}

// layoutLayer is a blob of a layout's image.
type layoutLayer struct {
	image *layoutImage
	desc  v1.Descriptor
}

// Digest implements partial.CompressedLayer.
func (l *layoutLayer) Digest() (v1.Hash, error) { return l.desc.Digest, nil }

// Size implements partial.CompressedLayer.
func (l *layoutLayer) Size() (int64, error) { return l.desc.Size, nil }

// MediaType implements partial.CompressedLayer.
func (l *layoutLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }

// DiffID implements partial.WithDiffID.
func (l *layoutLayer) DiffID() (v1.Hash, error) { return partial.BlobToDiffID(l.image, l.desc.Digest) }

// Compressed implements partial.CompressedLayer. The digest is compared while
// reading.
func (l *layoutLayer) Compressed() (io.ReadCloser, error) {
	name := l.image.name(l.desc.Digest.String())
	rc, size, err := l.image.files.open(blobPath(l.desc.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FormatError{name, errors.New("the blob is missing")}
	}
	if err != nil {
		return nil, problem(name, err)
	}
	if size != l.desc.Size {
		return nil, errors.Join(&ChangedError{name, "blob"}, rc.Close())
	}
	return verify(rc, name, l.desc.Digest, size)
}
