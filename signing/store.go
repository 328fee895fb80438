package signing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// Caps on what is read from a registry or a layout.
const (
	maxManifest  = 4 << 20  // bytes, as registries cap manifests
	maxAttached  = 64 << 20 // bytes of one signature or attestation
	maxEntities  = 1000     // manifests in an index
	maxReferrers = 1000     // manifests that refer to one
)

// A store keeps images and what is attached to them: a repository of a
// registry, or an OCI layout.
type store interface {
	// name gives a digest the user's name for the place, for messages.
	name(digest string) string
	// manifest reads a manifest. Bytes of another digest are a *ChangedError.
	manifest(ctx context.Context, digest string) ([]byte, v1.Descriptor, error)
	// blob reads a blob of at most maxAttached bytes, digest compared.
	blob(ctx context.Context, d v1.Descriptor) ([]byte, error)
	// referrers lists the manifests that have the digest as their subject.
	referrers(ctx context.Context, digest string) ([]v1.Descriptor, error)
	// attach writes blobs and a manifest that has a subject.
	attach(ctx context.Context, subject v1.Descriptor, blobs [][]byte, manifest []byte) error
}

// A ChangedError is content that is not what its digest says.
type ChangedError struct {
	Ref  string
	What string // "manifest" or "blob"
}

// Error says what was changed.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s: the %s has been changed: its content does not have this digest", e.Ref, e.What)
}

// ExitCode is the code for a failed policy.
func (*ChangedError) ExitCode() int { return 1 }

// readCapped reads all of r, or fails where it is longer than the limit.
func readCapped(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("more than the limit of %d bytes", limit)
	}
	return data, nil
}

// hasDigest reports whether data has the digest.
func hasDigest(data []byte, digest string) bool {
	h, _, err := v1.SHA256(bytes.NewReader(data))
	return err == nil && h.String() == digest
}

// emptyConfig is the blob that stands for no configuration (OCI image spec,
// manifest.md, "Guidance for an Empty Descriptor").
var emptyConfig = []byte("{}")

// bundleReferrer makes the manifest by which a bundle refers to an image, as
// cosign writes it. created is an RFC 3339 time.
func bundleReferrer(subject v1.Descriptor, bundle []byte, predicate, created string) ([]byte, error) {
	config, err := blobDescriptor(emptyConfig, "application/vnd.oci.empty.v1+json")
	if err != nil {
		return nil, err
	}
	layer, err := blobDescriptor(bundle, cosign.BundleMediaType)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  cosign.BundleMediaType,
		Config:        config,
		Layers:        []v1.Descriptor{layer},
		Subject:       &v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
		Annotations: map[string]string{
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": predicate,
			"org.opencontainers.image.created":  created,
		},
	})
}

func blobDescriptor(data []byte, mediaType types.MediaType) (v1.Descriptor, error) {
	h, n, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: mediaType, Digest: h, Size: n}, nil
}

// manifestOf reads and parses an image manifest.
func manifestOf(ctx context.Context, s store, digest string) (*v1.Manifest, error) {
	raw, _, err := s.manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("reading the manifest %s: %w", s.name(digest), err)
	}
	return m, nil
}

// An Image is one manifest, of an image or an index, and the place it is kept:
// what OpenRegistry and OpenLayout return. The zero value is no image.
type Image struct {
	digest string
	at     store
}

// Digest is the manifest's digest, "sha256:…".
func (i Image) Digest() string { return i.digest }

// String names the place and the digest.
func (i Image) String() string {
	if i.at == nil {
		return "no image"
	}
	return i.at.name(i.digest)
}

// An entity is one manifest to sign: an index, a platform's image, an
// attestation manifest.
type entity struct {
	desc        v1.Descriptor
	platform    string // "linux/amd64", "" for an index or an attestation manifest
	attestation bool
	about       string // of an attestation manifest: the digest it is about
}

func (e entity) digest() string { return e.desc.Digest.String() }

// The annotations by which BuildKit marks attestation manifests
// (moby/buildkit, docs/attestations/attestation-storage.md).
const (
	annotationType   = "vnd.docker.reference.type"
	annotationDigest = "vnd.docker.reference.digest"
	attestationValue = "attestation-manifest"
)

// entities lists a manifest and, of an index, everything in it, in order, the
// manifest itself first.
func entities(ctx context.Context, img Image) ([]entity, error) {
	if img.at == nil {
		return nil, errNoImage
	}
	raw, desc, err := img.at.manifest(ctx, img.digest)
	if err != nil {
		return nil, err
	}
	root := entity{desc: desc}
	if desc.Platform != nil {
		root.platform = desc.Platform.String()
	}
	return within(ctx, img.at, root, raw, nil)
}

// within adds e and, where it is an index, what is inside.
func within(ctx context.Context, s store, e entity, raw []byte, out []entity) ([]entity, error) {
	if out = append(out, e); len(out) > maxEntities {
		return nil, fmt.Errorf("%s holds more than %d manifests", s.name(out[0].digest()), maxEntities)
	}
	if !e.desc.MediaType.IsIndex() {
		return out, nil
	}
	m, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", s.name(e.digest()), err)
	}
	for _, c := range m.Manifests {
		child := entity{desc: v1.Descriptor{MediaType: c.MediaType, Digest: c.Digest, Size: c.Size}}
		if c.Annotations[annotationType] == attestationValue {
			child.attestation, child.about = true, c.Annotations[annotationDigest]
		} else if c.Platform != nil {
			child.platform = c.Platform.String()
		}
		var inner []byte
		if c.MediaType.IsIndex() {
			if inner, _, err = s.manifest(ctx, c.Digest.String()); err != nil {
				return nil, err
			}
		}
		if out, err = within(ctx, s, child, inner, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// errNoTags is a store that has no tags, where the older format keeps
// everything.
var errNoTags = errors.New("a layout keeps bundles only; use --format bundle")

var errNoImage = errors.New("no image was opened")
