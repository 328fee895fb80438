package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The annotations by which BuildKit marks attestation manifests
// (moby/buildkit, docs/attestations/attestation-storage.md), and the platform
// that it gives them so that no runtime chooses one.
const (
	referenceType   = "vnd.docker.reference.type"
	referenceDigest = "vnd.docker.reference.digest"
	attestationMark = "attestation-manifest"
	unknown         = "unknown"
)

// A Member is one entry of an image index.
type Member struct {
	v1.Descriptor
	// About is the digest of the image that an attestation manifest is about,
	// and "" for everything else.
	About string
	// Doubt says why an entry that looks like an attestation manifest is not
	// taken for one. Such an entry is an image like any other.
	Doubt string
}

// Attestation reports whether the entry is an attestation manifest. Every
// other entry is an image, or an index of images, that a runtime may choose.
func (m Member) Attestation() bool { return m.About != "" }

// Members tells the attestation manifests of an index from its images. The
// author of the index chooses all annotations and platforms, so that an entry
// counts as an attestation manifest only where no runtime would run it and it
// says which image beside it it is about.
func Members(index *v1.IndexManifest) []Member {
	images := map[string]bool{}
	for _, d := range index.Manifests {
		if d.MediaType.IsImage() && !looksAttesting(d) {
			images[d.Digest.String()] = true
		}
	}
	out := make([]Member, len(index.Manifests))
	for i, d := range index.Manifests {
		out[i] = Member{Descriptor: d}
		if !looksAttesting(d) {
			continue
		}
		if why := doubt(d, images); why != "" {
			out[i].Doubt = why
		} else {
			out[i].About = d.Annotations[referenceDigest]
		}
	}
	return out
}

// looksAttesting reports whether an entry has anything of an attestation
// manifest. What has is never the image that another one is about.
func looksAttesting(d v1.Descriptor) bool {
	return d.Annotations[referenceType] == attestationMark || d.Platform != nil && d.Platform.OS == unknown && d.Platform.Architecture == unknown
}

// doubt says why an entry is not an attestation manifest, or "".
func doubt(d v1.Descriptor, images map[string]bool) string {
	about := d.Annotations[referenceDigest]
	switch {
	case d.Annotations[referenceType] != attestationMark:
		return "its platform is unknown/unknown, but it is not marked as an attestation manifest"
	case d.MediaType.IsIndex():
		return "it is marked as an attestation manifest, but it is an index"
	case !d.MediaType.IsImage():
		return fmt.Sprintf("it is marked as an attestation manifest, but its media type is %q", d.MediaType)
	case d.Platform == nil:
		return "it is marked as an attestation manifest, but it has no platform, and not unknown/unknown"
	case !d.Platform.Equals(v1.Platform{OS: unknown, Architecture: unknown}):
		return fmt.Sprintf("it is marked as an attestation manifest, but its platform is %s, and not unknown/unknown", d.Platform)
	case about == "":
		return "it is marked as an attestation manifest, but it does not say of which image"
	case about == d.Digest.String():
		return "it is marked as an attestation manifest of itself"
	case !images[about]:
		return fmt.Sprintf("it is marked as an attestation manifest of %q, which is no image in the same index", about)
	}
	return ""
}

// The fields that only one of the two kinds of manifests has, docker's schema 1
// included, in lower case.
var imageFields = []string{"config", "layers", "blobs", "fslayers", "history"}

const indexField = "manifests"

// IsIndex reports whether a manifest is an image index, from its content
// alone. A document that one reader may take for an index and another for an
// image is an error (CVE-2021-41190): who judges it as the one does not know
// what the other runs.
func IsIndex(raw []byte) (bool, error) {
	exact, err := Fields(raw)
	if err != nil {
		return false, err
	}
	fields := map[string]json.RawMessage{}
	for n, v := range exact {
		fields[fold(n)] = v
	}
	_, index := fields[indexField]
	for _, f := range imageFields {
		if _, ok := fields[f]; ok && index {
			return false, fmt.Errorf("it has both %q and %q, so that it can be taken for an image and for an index", indexField, f)
		}
	}
	var text string
	if m, ok := fields["mediatype"]; ok {
		if err := json.Unmarshal(m, &text); err != nil {
			return false, fmt.Errorf("its media type is not a string: %w", err)
		}
	}
	kind, _, _ := strings.Cut(text, ";")
	switch t := types.MediaType(strings.TrimSpace(kind)); {
	case t.IsIndex() && !index:
		return false, fmt.Errorf("its media type is that of an index (%s), and it has no %q", t, indexField)
	case t.IsImage() && index:
		return false, fmt.Errorf("its media type is that of an image (%s), and it has %q", t, indexField)
	}
	return index, nil
}

// ParseIndex reads an image index, and refuses what IsIndex does or does not
// take for one.
func ParseIndex(raw []byte) (*v1.IndexManifest, error) {
	index, err := IsIndex(raw)
	if err != nil {
		return nil, err
	}
	if !index {
		return nil, errors.New("it is not an image index")
	}
	return v1.ParseIndexManifest(bytes.NewReader(raw))
}
