package signing

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// SPDXPredicate is the predicate type of SPDX documents.
const SPDXPredicate = "https://spdx.dev/Document"

// A Document is a predicate and the image it is about.
type Document struct {
	Platform string `json:"platform,omitempty"`
	Digest   string `json:"digest"`
	// Signed says that a signed attestation holds the predicate too. Whose key
	// signed it is known only where Verified is set.
	Signed    bool            `json:"signed"`
	Verified  bool            `json:"verified,omitempty"` // by one of the keys that were given
	Predicate json.RawMessage `json:"predicate"`
}

// Documents reads the predicates of a type that are attached to an image, one
// a platform.
//
// Without keys, what the builder attached comes first, as the digest of the
// index covers it, and a signed attestation serves where there is none. With
// public keys, PEM, only what one of them has signed counts: of the image
// itself, or of every platform of it.
func Documents(ctx context.Context, img Image, predicateType string, keys ...[]byte) ([]Document, error) {
	var verifiers []*cosign.Verifier
	if len(keys) > 0 {
		var err error
		if verifiers, err = (Policy{Keys: keys}).verifiers(); err != nil {
			return nil, err
		}
	}
	list, err := entities(ctx, img)
	if err != nil {
		return nil, err
	}
	built, err := builderDocuments(ctx, img.at, list, predicateType)
	if err != nil {
		return nil, err
	}
	var out []Document
	whole := false // the image itself is attested, so its platforms need not be
	for i, e := range list {
		if e.attestation() {
			continue
		}
		there, err := attachments(ctx, img.at, e.digest())
		if err != nil {
			return nil, err
		}
		d := Document{Platform: e.platform, Digest: e.digest()}
		if len(verifiers) == 0 {
			d.choose(built[e.digest()], there, predicateType)
		} else if j := judge(there, e.digest(), verifiers, ofType(predicateType)); len(j.good) > 0 {
			d.Predicate, d.Signed, d.Verified = j.good[len(j.good)-1].statement.Predicate, true, true
			whole = whole || i == 0
		} else if e.image() && !whole {
			return nil, j.unattested(img.at, e, predicateType)
		}
		if d.Predicate != nil {
			out = append(out, d)
		}
	}
	if len(out) == 0 {
		return nil, &VerifyError{img.String(), Unattested, "no document of type " + predicateType + " is attached"}
	}
	return out, nil
}

// builderDocuments reads the predicates that BuildKit attached, by the digest
// they are about.
func builderDocuments(ctx context.Context, s store, list []entity, predicateType string) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, e := range list {
		if !e.attestation() {
			continue
		}
		found, err := lifted(ctx, s, e)
		if err != nil {
			return nil, err
		}
		for _, st := range found {
			if _, ok := out[e.about]; !ok && st.PredicateType == predicateType {
				out[e.about] = st.Predicate
			}
		}
	}
	return out, nil
}

// choose takes the builder's predicate, or else the one attested last.
func (d *Document) choose(built json.RawMessage, there []attachment, predicateType string) {
	d.Predicate = built
	for _, a := range there {
		if a.err != nil || a.statement.PredicateType != predicateType || !a.statement.About(d.Digest) {
			continue
		}
		if built == nil {
			d.Predicate, d.Signed = a.statement.Predicate, true
		} else {
			d.Signed = d.Signed || sameJSON(built, a.statement.Predicate)
		}
	}
}

// sameJSON compares two JSON texts but for white space.
func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
