package signing

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// Caps on what is read from a registry or a layout.
const (
	maxManifest  = oci.MaxManifest
	maxAttached  = 64 << 20 // bytes of one signature or attestation
	maxStatement = 47 << 20 // bytes of a statement, which base64 and its envelope bring to less than maxAttached
	maxEntities  = 1000     // manifests in an index
	maxReferrers = 20_000   // manifests that refer to one
)

// A store keeps images and what is attached to them: a repository of a
// registry, or an OCI layout.
type store interface {
	// place says where images are kept, for messages and reports.
	place() string
	// reference is the place as commands are given it.
	reference() string
	// name is a digest of the place, for messages.
	name(digest string) string
	// manifest reads a manifest. Bytes of another digest are a *ChangedError.
	manifest(ctx context.Context, digest string) ([]byte, v1.Descriptor, error)
	// blob reads a blob of at most maxAttached bytes. Bytes of another digest,
	// or more or fewer than the descriptor says, are a *ChangedError.
	blob(ctx context.Context, d v1.Descriptor) ([]byte, error)
	// referrers lists the manifests that have the digest as their subject:
	// media type, digest, size and artifact type. Where there are more than
	// maxReferrers, it returns as many and a *LimitError.
	referrers(ctx context.Context, digest string) ([]v1.Descriptor, error)
	// attach writes blobs and a manifest that has a subject.
	attach(ctx context.Context, subject v1.Descriptor, blobs [][]byte, manifest []byte) error
	// detach removes a manifest that refers to the subject. errKept is a store
	// that does not let it go, as where it is not known ("").
	detach(ctx context.Context, subject v1.Descriptor, referrer string) error
	// within is the same store, which counts all that is read.
	within(b *budget) store
}

// A listing collects referrers.
type listing []v1.Descriptor

// add keeps of a descriptor what is needed, and refuses one too many.
func (l *listing) add(d v1.Descriptor) bool {
	if len(*l) == maxReferrers {
		return false
	}
	kept := v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, ArtifactType: d.ArtifactType}
	if kind := d.Annotations[predicateTypeAnnotation]; kind != "" {
		kept.Annotations = map[string]string{predicateTypeAnnotation: kind}
	}
	*l = append(*l, kept)
	return true
}

func tooManyReferrers() error {
	return &LimitError{Limit: fmt.Sprintf("more than %d manifests refer to it", maxReferrers)}
}

// A ChangedError is content that is not what its digest says.
type ChangedError = oci.ChangedError

// errTooLong is more than may be read.
var errTooLong = errors.New("more than the limit")

// readCapped reads all of r, or fails where it is longer than the limit.
func readCapped(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w of %d bytes", errTooLong, limit)
	}
	return data, nil
}

// hasDigest reports whether data has the digest.
func hasDigest(data []byte, digest string) bool {
	want, err := v1.NewHash(digest)
	if err != nil {
		return false
	}
	sum, err := v1.Hasher(want.Algorithm)
	if err != nil {
		return false
	}
	_, _ = sum.Write(data)
	return hex.EncodeToString(sum.Sum(nil)) == want.Hex
}

// printable replaces what would move a terminal's cursor or hide text. Names,
// types and platforms are chosen by the image's author, and what a registry
// answers by its keeper.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
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
			"dev.sigstore.bundle.content": "dsse-envelope",
			predicateTypeAnnotation:       predicate,
			createdAnnotation:             created,
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

// Place says where the image was found: "OCI layout ./out".
func (i Image) Place() string {
	if i.at == nil {
		return "no image"
	}
	return i.at.place()
}

// Reference names the image as commands are given it, by its digest.
func (i Image) Reference() string {
	if i.at == nil {
		return ""
	}
	return i.at.reference() + "@" + i.digest
}

// String names the place and the digest, for messages.
func (i Image) String() string {
	if i.at == nil {
		return "no image"
	}
	return i.at.name(i.digest)
}

// An entity is one manifest to sign: an index, a platform's image, an
// attestation manifest.
type entity struct {
	desc     v1.Descriptor
	index    bool
	platform string // "linux/amd64", "" for an index or an attestation manifest
	about    string // of an attestation manifest: the digest it is about
	doubt    string // why what looks like an attestation manifest is not taken for one
}

func (e entity) digest() string { return e.desc.Digest.String() }

// role tells apart what one index lists both as an image and as an attestation
// manifest.
func (e entity) role() string { return e.digest() + " " + e.about }

func (e entity) attestation() bool { return e.about != "" }

// image reports whether the entity is what a runtime may run, and so what must
// carry the attestations that a policy asks for: whatever is nothing else.
func (e entity) image() bool { return !e.index && !e.attestation() }

// in names the entity and its platform, for messages.
func (e entity) in(s store) string {
	if e.platform == "" {
		return s.name(e.digest())
	}
	return s.name(e.digest()) + " (" + e.platform + ")"
}

// entities lists a manifest and, of an index, everything in it, in order, the
// manifest itself first. What is an index is decided by its content, not by
// what the registry or another index says of it.
func entities(ctx context.Context, img Image) ([]entity, error) {
	if img.at == nil {
		return nil, errNoImage
	}
	raw, desc, err := img.at.manifest(ctx, img.digest)
	if err != nil {
		return nil, err
	}
	root := entity{desc: desc}
	if root.index, err = oci.IsIndex(raw); err != nil {
		return nil, malformed(img.at, img.digest, err)
	}
	w := walk{at: img.at, indexes: map[string][]byte{}, out: []entity{root}}
	if !root.index {
		return w.out, nil
	}
	w.indexes[img.digest] = raw
	err = w.within(ctx, root, 0)
	return w.out, err
}

// A walk goes through an index and the indexes in it.
type walk struct {
	at      store
	indexes map[string][]byte // those that were read, by digest
	out     []entity
}

// maxDepth is how deep indexes may lie in one another. Registries and runtimes
// set no limit; no tool is known to write more than one level.
const maxDepth = 8

// within adds what is inside an index.
func (w *walk) within(ctx context.Context, e entity, depth int) error {
	if depth == maxDepth {
		return malformed(w.at, w.out[0].digest(), fmt.Errorf("indexes lie more than %d deep in it", maxDepth))
	}
	m, err := oci.ParseIndex(w.indexes[e.digest()])
	if err != nil {
		return malformed(w.at, e.digest(), err)
	}
	for _, c := range oci.Members(m) {
		if len(w.out) == maxEntities {
			return malformed(w.at, w.out[0].digest(), fmt.Errorf("it holds more than %d manifests", maxEntities))
		}
		child := entity{
			desc:  v1.Descriptor{MediaType: c.MediaType, Digest: c.Digest, Size: c.Size},
			index: c.MediaType.IsIndex(), about: c.About, doubt: c.Doubt,
		}
		if c.Platform != nil && child.image() {
			child.platform = c.Platform.String()
		}
		w.out = append(w.out, child)
		if !child.index {
			continue
		}
		if _, ok := w.indexes[child.digest()]; !ok {
			if w.indexes[child.digest()], _, err = w.at.manifest(ctx, child.digest()); err != nil {
				return err
			}
		}
		if err := w.within(ctx, child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// A MalformedError is an image whose manifest or index cannot be judged: it is
// broken, or readers do not agree on what it says.
type MalformedError struct {
	Ref string
	Err error
}

func malformed(s store, digest string, err error) error { return &MalformedError{s.name(digest), err} }

// Error says what is wrong with the manifest.
func (e *MalformedError) Error() string {
	return printable(fmt.Sprintf("the manifest of %s: %v", e.Ref, e.Err))
}

// Unwrap returns the cause.
func (e *MalformedError) Unwrap() error { return e.Err }

// ExitCode is the code for an image that is refused.
func (*MalformedError) ExitCode() int { return 1 }

// errNoTags is a store that has no tags, where the older format keeps
// everything.
var errNoTags = errors.New("a layout keeps bundles only; use --format bundle")

// errKept is a store that does not let a manifest go.
var errKept = errors.New("it cannot be removed here")

var errNoImage = errors.New("no image was opened")
