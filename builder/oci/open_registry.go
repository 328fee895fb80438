package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// repository is a store in a registry. What was read last is kept, because an
// image is asked for after its manifest.
type repository struct {
	repo   name.Repository
	client Client
	last   *remote.Descriptor
}

func (r *repository) name(digest string) string { return "registry " + r.repo.Digest(digest).Name() }

func (r *repository) get(ctx context.Context, d v1.Descriptor) (*remote.Descriptor, error) {
	if r.last.Digest == d.Digest {
		return r.last, nil
	}
	got, err := remote.Get(r.repo.Digest(d.Digest.String()), r.client.Options(ctx)...)
	if err != nil {
		// The library has no type for this; a test holds the words.
		if strings.Contains(err.Error(), "does not match requested digest") {
			return nil, &ChangedError{r.name(d.Digest.String()), "manifest"}
		}
		return nil, fmt.Errorf("reading %s: %w", r.name(d.Digest.String()), err)
	}
	r.last = got
	return got, nil
}

// manifest implements store.
func (r *repository) manifest(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	got, err := r.get(ctx, d)
	if err != nil {
		return nil, err
	}
	return got.Manifest, nil
}

// image implements store.
func (r *repository) image(ctx context.Context, d v1.Descriptor) (v1.Image, error) {
	got, err := r.get(ctx, d)
	if err != nil {
		return nil, err
	}
	place := r.name(d.Digest.String())
	m, err := v1.ParseManifest(bytes.NewReader(got.Manifest))
	if err != nil {
		return nil, &FormatError{place, fmt.Errorf("reading the manifest: %w", err)}
	}
	if m.Config.Size > MaxManifest {
		return nil, &FormatError{place, fmt.Errorf("the configuration: %w", &TooLargeError{MaxManifest})}
	}
	img, err := got.Image()
	if err != nil {
		return nil, &FormatError{place, err}
	}
	if _, err := img.RawConfigFile(); err != nil {
		if strings.Contains(err.Error(), "error verifying") {
			return nil, &ChangedError{r.name(m.Config.Digest.String()), "configuration"}
		}
		return nil, fmt.Errorf("reading the configuration of %s: %w", place, err)
	}
	return checked{img, r.name}, nil
}

// get reads a manifest from a mirror, or else from the registry itself.
func (c Client) get(ctx context.Context, ref name.Reference) (got *remote.Descriptor, from name.Reference, err error) {
	for _, from = range mirrored(ref) {
		if got, err = remote.Get(from, c.Options(ctx)...); err == nil || ctx.Err() != nil {
			break
		}
	}
	return got, from, err
}

func openRegistry(ctx context.Context, ref Ref, o OpenOptions) (*Source, error) {
	got, from, err := o.Client.get(ctx, ref.Name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref.Place(), err)
	}
	ref.Name = from
	s := &repository{from.Context(), o.Client, got}
	// What it is, its content says: the registry's word may be another.
	isIndex, err := IsIndex(got.Manifest)
	if err != nil {
		return nil, &FormatError{ref.Place(), fmt.Errorf("reading the manifest: %w", err)}
	}
	if isIndex {
		index, err := parseIndex(ref.Place(), got.Manifest)
		if err != nil {
			return nil, err
		}
		return chosen(ctx, s, ref, index, o)
	}
	if ok, err := isImage(ref.Place(), got.Manifest); err != nil {
		return nil, err
	} else if !ok {
		return nil, &FormatError{ref.Place(), fmt.Errorf("it is a %s, not an image", artifact(got.Manifest, got.MediaType))}
	}
	img, err := s.image(ctx, got.Descriptor)
	if err != nil {
		return nil, err
	}
	return newSource(ref, img, nil, o)
}

// artifact is what a manifest is of, for messages.
func artifact(raw []byte, media types.MediaType) string {
	var m struct {
		ArtifactType string `json:"artifactType"`
		Config       struct {
			MediaType string `json:"mediaType"`
		} `json:"config"`
	}
	_ = json.Unmarshal(raw, &m)
	for _, s := range []string{m.ArtifactType, m.Config.MediaType} {
		if s != "" {
			return s
		}
	}
	return string(media)
}

// mediaType is a manifest's, which may be left out (OCI image spec 1.0,
// manifest.md and image-index.md).
func mediaType(raw []byte) types.MediaType {
	var m struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
	}
	_ = json.Unmarshal(raw, &m)
	switch {
	case m.MediaType != "":
		return m.MediaType
	case m.Manifests != nil:
		return types.OCIImageIndex
	}
	return types.OCIManifestSchema1
}

// Digest asks what a name means now, without reading it. What has a digest in
// its name is not asked for.
func (c Client) Digest(ctx context.Context, ref name.Reference) (string, error) {
	if d, ok := ref.(name.Digest); ok {
		return d.DigestStr(), nil
	}
	var err error
	for _, from := range mirrored(ref) {
		var d *v1.Descriptor
		if d, err = remote.Head(from, c.Options(ctx)...); err == nil {
			return d.Digest.String(), nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return "", fmt.Errorf("asking for the digest of %s: %w", ref, err)
}
