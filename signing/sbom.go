package signing

import (
	"context"
	"encoding/json"
)

// SPDXPredicate is the predicate type of SPDX documents.
const SPDXPredicate = "https://spdx.dev/Document"

// A Document is a predicate and the image it is about.
type Document struct {
	Platform  string          `json:"platform,omitempty"`
	Digest    string          `json:"digest"`
	Predicate json.RawMessage `json:"predicate"`
}

// Documents reads the predicates of a type that are attached to an image, one
// a platform: by the builder or, failing that, as attestations. Nobody's
// signature is checked; that is Verify's part.
func Documents(ctx context.Context, img Image, predicateType string) ([]Document, error) {
	list, err := entities(ctx, img)
	if err != nil {
		return nil, err
	}
	built := map[string]json.RawMessage{}
	for _, e := range list {
		if !e.attestation {
			continue
		}
		found, err := lifted(ctx, img.at, e)
		if err != nil {
			return nil, err
		}
		for _, st := range found {
			if _, ok := built[e.about]; !ok && st.PredicateType == predicateType {
				built[e.about] = st.Predicate
			}
		}
	}
	var out []Document
	for _, e := range list {
		if e.attestation {
			continue
		}
		predicate, ok := built[e.digest()]
		if !ok {
			if predicate, err = attachedPredicate(ctx, img.at, e.digest(), predicateType); err != nil {
				return nil, err
			}
		}
		if predicate != nil {
			out = append(out, Document{e.platform, e.digest(), predicate})
		}
	}
	if len(out) == 0 {
		return nil, &VerifyError{img.String(), Unattested, "no document of type " + predicateType + " is attached; build with --sbom"}
	}
	return out, nil
}

// attachedPredicate reads the last attestation of a type, or nil.
func attachedPredicate(ctx context.Context, s store, digest, predicateType string) (json.RawMessage, error) {
	there, err := attachments(ctx, s, digest)
	if err != nil {
		return nil, err
	}
	var last json.RawMessage
	for _, a := range there {
		if a.err == nil && a.statement.PredicateType == predicateType && a.statement.About(digest) {
			last = a.statement.Predicate
		}
	}
	return last, nil
}
