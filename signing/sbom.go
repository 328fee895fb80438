package signing

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
)

// SPDXPredicate is the predicate type of SPDX documents.
const SPDXPredicate = "https://spdx.dev/Document"

// A Document is a predicate and the image it is about.
type Document struct {
	Platform  string          `json:"platform,omitempty"`
	Digest    string          `json:"digest"`
	Predicate json.RawMessage `json:"predicate"`
}

// Documents reads the predicates of a type that the builder attached to an
// index, one a platform.
func Documents(ctx context.Context, d name.Digest, predicateType string) ([]Document, error) {
	list, err := entities(ctx, d)
	if err != nil {
		return nil, err
	}
	platforms := map[string]string{}
	for _, e := range list {
		platforms[e.digest.DigestStr()] = e.platform
	}
	var out []Document
	for _, e := range list {
		if !e.attestation {
			continue
		}
		found, err := lifted(ctx, e)
		if err != nil {
			return nil, err
		}
		for _, st := range found {
			if st.predicate != predicateType {
				continue
			}
			var s Statement
			if err := json.Unmarshal(st.raw, &s); err != nil {
				return nil, fmt.Errorf("reading the attestations in %s: %w", e.digest, err)
			}
			out = append(out, Document{platforms[e.subject], e.subject, s.Predicate})
		}
	}
	if len(out) == 0 {
		return nil, &VerifyError{d.String(), Unattested, "no document of type " + predicateType + " is attached; build with --sbom"}
	}
	return out, nil
}
