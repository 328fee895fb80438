package signing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
)

// SPDXPredicate is the predicate type of SPDX documents.
const SPDXPredicate = "https://spdx.dev/Document"

// A Document is a predicate and the image it is about.
type Document struct {
	Source   string `json:"source"` // the place that was read
	Platform string `json:"platform,omitempty"`
	Digest   string `json:"digest"`
	// Signed says that a signed attestation holds the predicate too. Who signed
	// it is known only where Verified is set.
	Signed    bool            `json:"signed"`
	Verified  bool            `json:"verified,omitempty"` // by one of those who were asked for
	Predicate json.RawMessage `json:"predicate"`
}

// Documents reads the predicates of a type that are attached to an image, one
// a platform.
//
// Without identities, what the builder attached comes first, as the digest of
// the index covers it, and a signed attestation serves where there is none. With
// them, only what one of them has signed counts: of the image itself, or of
// every platform of it.
func Documents(ctx context.Context, img Image, predicateType string, by ...Identity) ([]Document, error) {
	img, b, ctx, cancel := img.within(ctx, Limits{})
	defer cancel()
	list, err := entities(ctx, img)
	if err != nil {
		return nil, err
	}
	var built map[string]json.RawMessage
	if len(by) == 0 {
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
		if len(by) == 0 {
			if err := d.choose(ctx, img.at, b, built[e.digest()], predicateType); err != nil {
				return nil, err
			}
		} else {
			err := d.vouched(ctx, img.at, b, e, by, predicateType)
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

// vouched takes the predicate that one of the identities has signed, of several
// the one attested last.
func (d *Document) vouched(ctx context.Context, s store, b *budget, e entity, by []Identity, predicateType string) error {
	want := Requirement{Type: predicateType, Signers: AnyOf(by...)}
	found, err := judge{at: s, budget: b, all: by}.of(ctx, e.digest(), []Requirement{want})
	if err != nil {
		return err
	}
	v, ok := found.kinds[predicateType].newest(want.Signers)
	if !ok {
		against, err := found.absent(found.unattested(e, want))
		if err != nil {
			return err
		}
		return against
	}
	d.Predicate, d.Signed, d.Verified = v.statement.Predicate, true, true
	return nil
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
