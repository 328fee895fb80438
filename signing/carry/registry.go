package carry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/builder/oci"
)

// registry is a repository.
type registry struct {
	repo   name.Repository
	client oci.Client
}

func (r *registry) String() string { return oci.Registry.String() + " " + r.repo.Name() }

func (r *registry) failed(what string, err error) error {
	return fmt.Errorf("%s %s of %s: %w", what, "content", r, err)
}

func (r *registry) manifest(ctx context.Context, digest string) ([]byte, types.MediaType, error) {
	desc, err := remote.Get(r.repo.Digest(digest), r.client.Options(ctx)...)
	if err != nil {
		return nil, "", r.failed("reading", err)
	}
	return desc.Manifest, desc.MediaType, nil
}

func (r *registry) tagged(ctx context.Context, tag string) ([]byte, types.MediaType, error) {
	desc, err := remote.Get(r.repo.Tag(tag), r.client.Options(ctx)...)
	if t, ok := errors.AsType[*transport.Error](err); ok && t.StatusCode == http.StatusNotFound {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", r.failed("reading", err)
	}
	return desc.Manifest, desc.MediaType, nil
}

func (r *registry) referrers(ctx context.Context, digest string) ([]v1.Descriptor, error) {
	var out []v1.Descriptor
	err := r.client.Referrers(ctx, r.repo.Digest(digest), func(d v1.Descriptor) bool {
		out = append(out, d)
		return len(out) <= maxManifests
	})
	if err != nil {
		return nil, r.failed("listing", err)
	}
	return out, nil
}

func (r *registry) layer(ctx context.Context, d v1.Descriptor) (v1.Layer, error) {
	l, err := remote.Layer(r.repo.Digest(d.Digest.String()), r.client.Options(ctx)...)
	if err != nil {
		return nil, r.failed("reading", err)
	}
	return sized{l, d}, nil
}

// sized is a blob of which the size and type are known from its manifest.
type sized struct {
	v1.Layer
	desc v1.Descriptor
}

// Digest implements v1.Layer, as do the next two.
func (s sized) Digest() (v1.Hash, error) { return s.desc.Digest, nil }

// Size is that of the descriptor.
func (s sized) Size() (int64, error) { return s.desc.Size, nil }

// MediaType is that of the descriptor.
func (s sized) MediaType() (types.MediaType, error) { return s.desc.MediaType, nil }

// putBlob mounts a blob of the same registry, and else uploads it.
func (r *registry) putBlob(ctx context.Context, d v1.Descriptor, from place) error {
	l, err := from.layer(ctx, d)
	if err != nil {
		return err
	}
	if other, ok := from.(*registry); ok {
		l = &remote.MountableLayer{Layer: l, Reference: other.repo.Digest(d.Digest.String())}
	}
	if err := remote.WriteLayer(r.repo, l, r.client.Options(ctx)...); err != nil {
		return r.failed("writing", err)
	}
	return nil
}

// manifest to put as it is.
type asItIs struct {
	raw  []byte
	kind types.MediaType
}

// RawManifest implements remote.Taggable.
func (m asItIs) RawManifest() ([]byte, error) { return m.raw, nil }

// MediaType says what it is.
func (m asItIs) MediaType() (types.MediaType, error) { return m.kind, nil }

func (r *registry) putManifest(ctx context.Context, raw []byte, d v1.Descriptor) error {
	if err := remote.Put(r.repo.Digest(d.Digest.String()), asItIs{raw, d.MediaType}, r.client.Options(ctx)...); err != nil {
		return r.failed("writing", err)
	}
	return nil
}

func (r *registry) tag(ctx context.Context, tag string, raw []byte, d v1.Descriptor) error {
	if err := remote.Put(r.repo.Tag(tag), asItIs{raw, d.MediaType}, r.client.Options(ctx)...); err != nil {
		return r.failed("tagging", err)
	}
	return nil
}

func (*registry) finish(context.Context) error { return nil }
