// Package contents reads back why the files of an image are there, from the
// attestation that travels with it.
package contents

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/report"
)

// ErrNone is returned for an image without the attestation.
var ErrNone = errors.New("the image carries no contents attestation; build it with an attestation or contents: true")

// The annotations that BuildKit puts on attestation manifests and their layers
// (docs/attestations/attestation-storage.md in moby/buildkit).
const (
	referenceType   = "vnd.docker.reference.type"
	attestationType = "attestation-manifest"
	predicateType   = "in-toto.io/predicate-type"
)

// maxStatement is the largest statement that is read, in bytes.
const maxStatement = 64 << 20

// Read returns the reports in the attestation manifests of an index, one a
// platform.
func Read(index v1.ImageIndex) ([]*report.Report, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("reading the index: %w", err)
	}
	var out []*report.Report
	for _, d := range manifest.Manifests {
		if d.Annotations[referenceType] != attestationType {
			continue
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			return nil, fmt.Errorf("reading the attestation manifest %s: %w", d.Digest, err)
		}
		found, err := statements(img)
		if err != nil {
			return nil, fmt.Errorf("reading the attestation manifest %s: %w", d.Digest, err)
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, ErrNone
	}
	return out, nil
}

func statements(img v1.Image) ([]*report.Report, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	var out []*report.Report
	for _, l := range manifest.Layers {
		if l.Annotations[predicateType] != report.ContentsPredicate {
			continue
		}
		layer, err := img.LayerByDigest(l.Digest)
		if err != nil {
			return nil, err
		}
		rc, err := layer.Compressed()
		if err != nil {
			return nil, err
		}
		dt, err := io.ReadAll(io.LimitReader(rc, maxStatement))
		if err := errors.Join(err, rc.Close()); err != nil {
			return nil, err
		}
		r, err := Parse(dt)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// Parse takes the report out of an in-toto statement.
func Parse(statement []byte) (*report.Report, error) {
	var s struct {
		PredicateType string        `json:"predicateType"`
		Predicate     report.Report `json:"predicate"`
	}
	if err := json.Unmarshal(statement, &s); err != nil {
		return nil, fmt.Errorf("reading the contents attestation: %w", err)
	}
	if s.PredicateType != report.ContentsPredicate {
		return nil, fmt.Errorf("reading the contents attestation: it is a %s", s.PredicateType)
	}
	if s.Predicate.Version > report.Version {
		return nil, fmt.Errorf("the contents attestation has version %d, this whittle reads %d; use a newer one", s.Predicate.Version, report.Version)
	}
	return &s.Predicate, nil
}
