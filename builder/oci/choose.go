package oci

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"

	"github.com/containerd/platforms"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The bounds of an index. Nobody nests them deeper than twice.
const (
	maxDepth   = 8
	maxEntries = 10_000
	maxReads   = 1000 // manifests that are read to see what they are
)

// A store is a place where manifests are found by their digest.
type store interface {
	// name is a digest of this place, for messages.
	name(digest string) string
	// manifest reads an image's or an index's manifest, digest compared.
	manifest(ctx context.Context, d v1.Descriptor) ([]byte, error)
	// image gives the image of a manifest, whose configuration has been
	// compared with its digest and is of a bounded size.
	image(ctx context.Context, d v1.Descriptor) (v1.Image, error)
}

// A match is an image of an index for the platform that is wanted.
type match struct {
	desc     v1.Descriptor
	platform v1.Platform
	top      int // which entry of the outermost index holds it
}

// chooser goes through an index and what is nested in it.
type chooser struct {
	store
	want    v1.Platform
	seen    map[v1.Hash]bool
	entries int
	reads   int
	found   []match
	have    []v1.Platform // all there are
}

// choose lists the images of an index that are for a platform, those first
// that name its variant, and all platforms that there are.
func choose(ctx context.Context, s store, index *v1.IndexManifest, want v1.Platform) ([]match, []v1.Platform, error) {
	c := &chooser{store: s, want: want, seen: map[v1.Hash]bool{}}
	for i, d := range index.Manifests {
		if err := c.entry(ctx, d, i, 1); err != nil {
			return nil, nil, err
		}
	}
	exact := normalize(want)
	slices.SortStableFunc(c.found, func(a, b match) int {
		return rank(exact, a.platform) - rank(exact, b.platform)
	})
	return c.found, c.have, nil
}

// rank puts the variant that a platform has by default before others.
func rank(want, have v1.Platform) int {
	if normalize(have).Variant == want.Variant {
		return 0
	}
	return 1
}

// entry looks at one entry of an index, at some depth.
func (c *chooser) entry(ctx context.Context, d v1.Descriptor, top, depth int) error {
	if c.entries++; c.entries > maxEntries {
		return &FormatError{c.name(d.Digest.String()), fmt.Errorf("the index has more than %d entries", maxEntries)}
	}
	if c.seen[d.Digest] || isArtifact(types.MediaType(d.ArtifactType)) || d.Platform != nil && d.Platform.OS == "unknown" {
		return nil
	}
	c.seen[d.Digest] = true
	switch {
	case d.MediaType.IsIndex():
		return c.nested(ctx, d, top, depth)
	case d.MediaType != "" && !d.MediaType.IsImage():
		return nil
	}
	if d.Platform != nil && d.Platform.Architecture != "" && !matches(c.want, *d.Platform) {
		c.had(*d.Platform)
		return nil
	}
	p, ok, err := c.platform(ctx, d)
	if err != nil || !ok {
		return err
	}
	c.had(p)
	if matches(c.want, p) {
		c.found = append(c.found, match{d, p, top})
	}
	return nil
}

func (c *chooser) nested(ctx context.Context, d v1.Descriptor, top, depth int) error {
	if depth >= maxDepth {
		return &FormatError{c.name(d.Digest.String()), fmt.Errorf("indexes are nested more than %d deep", maxDepth)}
	}
	index, err := readIndex(ctx, c.store, d)
	if err != nil {
		return err
	}
	for _, child := range index.Manifests {
		if err := c.entry(ctx, child, top, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// platform is what an image is for: as the index says, or else as its
// configuration does. It is false for what is no image.
func (c *chooser) platform(ctx context.Context, d v1.Descriptor) (p v1.Platform, ok bool, err error) {
	if c.reads++; c.reads > maxReads {
		return p, false, &FormatError{c.name(d.Digest.String()), fmt.Errorf("the index has more than %d entries that do not say what they are", maxReads)}
	}
	raw, err := c.manifest(ctx, d)
	if err != nil {
		return p, false, err
	}
	if ok, err := isImage(c.name(d.Digest.String()), raw); err != nil || !ok {
		return p, false, err
	}
	if d.Platform != nil && d.Platform.Architecture != "" {
		return *d.Platform, true, nil
	}
	img, err := c.image(ctx, d)
	if err != nil {
		return p, false, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return p, false, &FormatError{c.name(d.Digest.String()), fmt.Errorf("reading the image configuration: %w", err)}
	}
	if config.OS == "unknown" {
		return p, false, nil // an attestation of BuildKit's
	}
	p = v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	if p.Architecture == "" {
		p = c.want // nobody says otherwise
	}
	return p, true, nil
}

func (c *chooser) had(p v1.Platform) {
	p = v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
	if !slices.ContainsFunc(c.have, p.Equals) {
		c.have = append(c.have, p)
	}
}

// isImage tells images from what else is kept as a manifest: signatures,
// attestations and other artifacts.
func isImage(name string, raw []byte) (bool, error) {
	var m struct {
		ArtifactType types.MediaType `json:"artifactType"`
		Subject      json.RawMessage `json:"subject"`
		Config       struct {
			MediaType types.MediaType `json:"mediaType"`
		} `json:"config"`
	}
	index, err := IsIndex(raw)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		return false, &FormatError{name, fmt.Errorf("reading the manifest: %w", err)}
	}
	return !index && !isArtifact(m.ArtifactType) && m.Subject == nil && m.Config.MediaType.IsConfig(), nil
}

// isArtifact reports whether a type is of something else than an image. Some
// programs give the type of an image's configuration as that of an artifact.
func isArtifact(t types.MediaType) bool { return t != "" && !t.IsConfig() }

// readIndex reads an index by its descriptor.
func readIndex(ctx context.Context, s store, d v1.Descriptor) (*v1.IndexManifest, error) {
	raw, err := s.manifest(ctx, d)
	if err != nil {
		return nil, err
	}
	return parseIndex(s.name(d.Digest.String()), raw)
}

func parseIndex(name string, raw []byte) (*v1.IndexManifest, error) {
	index, err := ParseIndex(raw)
	if err != nil {
		return nil, &FormatError{name, fmt.Errorf("reading the index: %w", err)}
	}
	if len(index.Manifests) > maxEntries {
		return nil, &FormatError{name, fmt.Errorf("the index has more than %d entries", maxEntries)}
	}
	return index, nil
}

// hostPlatform is what an index is asked for when nobody says.
func hostPlatform() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }

// matches reports whether an image can be taken for a platform. Where the
// platform names no variant, any will do.
func matches(want, have v1.Platform) bool {
	w, h := normalize(want), normalize(have)
	return w.OS == h.OS && w.Architecture == h.Architecture && (want.Variant == "" || w.Variant == h.Variant)
}

// normalize writes a platform in one way: linux/aarch64 and linux/arm64/v8 are
// linux/arm64.
func normalize(p v1.Platform) v1.Platform {
	n := platforms.Normalize(ocispec.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
	return v1.Platform{OS: n.OS, Architecture: n.Architecture, Variant: n.Variant}
}
