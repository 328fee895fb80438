package signing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// SPDXPredicate is the predicate type of SPDX documents.
const SPDXPredicate = "https://spdx.dev/Document"

// A Document is a predicate and the image it is about.
type Document struct {
	Source   string `json:"source"` // the place that was read
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
	img, b, ctx, cancel := img.within(ctx, Limits{})
	defer cancel()
	list, err := entities(ctx, img)
	if err != nil {
		return nil, err
	}
	var built map[string]json.RawMessage
	if len(verifiers) == 0 {
		if built, err = builderDocuments(ctx, img.at, list, predicateType); err != nil {
			return nil, err
		}
	}
	var out []Document
	whole := false // the image itself is attested, so its platforms need not be
	seen := map[string]bool{}
	for i, e := range list {
		if e.attestation() || seen[e.digest()] {
			continue
		}
		seen[e.digest()] = true
		d := Document{Source: img.Place(), Platform: e.platform, Digest: e.digest()}
		if len(verifiers) == 0 {
			if err := d.choose(ctx, img.at, b, built[e.digest()], predicateType); err != nil {
				return nil, err
			}
		} else {
			err := d.vouched(ctx, img.at, b, e, verifiers, predicateType)
			if _, missing := errors.AsType[*VerifyError](err); err != nil && (!missing || e.image() && !whole) {
				return nil, err
			}
			whole = whole || i == 0 && d.Verified
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
	for _, e := range distinct(list, entity.role) {
		if !e.attestation() {
			continue
		}
		err := lifted(ctx, s, e, "so it is not read", func(st *Statement, _ []byte) error {
			if _, ok := out[e.about]; !ok && st.PredicateType == predicateType {
				out[e.about] = st.Predicate
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// vouched takes the predicate that one of the keys has signed, of several the
// one attested last.
func (d *Document) vouched(ctx context.Context, s store, b *budget, e entity, keys []*cosign.Verifier, predicateType string) error {
	place := -1
	found, err := judge(ctx, s, b, e.digest(), keys, []string{predicateType}, nil, func(a attachment) {
		if a.place > place {
			place, d.Predicate, d.Signed, d.Verified = a.place, a.statement.Predicate, true, true
		}
	})
	if err == nil && place < 0 {
		err = found.absent(found.unattested(e, predicateType))
	}
	return err
}

// choose takes the builder's predicate, or else the one attested last.
func (d *Document) choose(ctx context.Context, s store, b *budget, built json.RawMessage, predicateType string) error {
	d.Predicate = built
	place := -1
	found := &survey{store: s, budget: b, digest: d.Digest, look: func(a attachment) bool {
		switch {
		case a.statement.PredicateType != predicateType || !a.statement.About(d.Digest):
		case built != nil:
			d.Signed = d.Signed || sameJSON(built, a.statement.Predicate)
		case a.place > place:
			place, d.Predicate, d.Signed = a.place, a.statement.Predicate, true
		}
		return false
	}}
	if err := found.run(ctx); err != nil {
		return err
	}
	if !d.Signed {
		return found.incomplete // whether it is signed is not known
	}
	return nil
}

// sameJSON compares two JSON texts but for white space.
func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
