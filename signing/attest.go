package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Attest signs what BuildKit attached to an index: its SBOM, provenance and
// contents, each unchanged, as attestations of the platform they are about.
// predicates limits it to these types; nil is all of them.
func Attest(ctx context.Context, img Image, o Options, predicates []string) (Result, error) {
	res := Result{Image: img.String(), Digest: img.digest}
	o, err := o.complete()
	if err != nil {
		return res, err
	}
	list, err := entities(ctx, img)
	if err != nil {
		return res, err
	}
	for _, e := range list {
		if e.doubt != "" {
			o.Log.Warnf("nothing in %s is attested: %s", e.in(img.at), e.doubt)
		}
		if !e.attestation() {
			continue
		}
		at := slices.IndexFunc(list, func(x entity) bool { return x.image() && x.digest() == e.about })
		if err := attestLifted(ctx, img.at, e, list[at], o, predicates, &res); err != nil {
			return res, err
		}
	}
	return res, nil
}

// attestLifted signs what the attestation manifest e says about an image.
func attestLifted(ctx context.Context, s store, e, about entity, o Options, predicates []string, res *Result) error {
	found, err := lifted(ctx, s, e)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(st rawStatement) bool {
		return len(predicates) > 0 && !slices.Contains(predicates, st.PredicateType)
	})
	if len(found) == 0 {
		return nil
	}
	there, err := admitted(ctx, s, about.digest(), o.Format)
	if err != nil {
		return err
	}
	for _, st := range found {
		kept, err := writeStatement(ctx, s, about, o, st.raw, st.PredicateType, there)
		if err != nil {
			return err
		}
		if kept {
			res.Kept++
		}
		res.Attested = append(res.Attested, Attested{about.digest(), st.PredicateType})
	}
	return nil
}

// AttestPredicate signs a predicate of the user's own, a JSON object, about an
// image.
func AttestPredicate(ctx context.Context, img Image, o Options, predicateType string, predicate []byte) (Result, error) {
	res := Result{Image: img.String(), Digest: img.digest}
	o, err := o.complete()
	if err != nil {
		return res, err
	}
	if err := json.Unmarshal(predicate, &map[string]json.RawMessage{}); err != nil {
		return res, errors.New("the predicate is not a JSON object")
	}
	list, err := entities(ctx, img)
	if err != nil {
		return res, err
	}
	there, err := admitted(ctx, img.at, img.digest, o.Format)
	if err != nil {
		return res, err
	}
	st, err := newStatement(predicateType, img.digest, predicate, nil)
	if err != nil {
		return res, err
	}
	kept, err := writeStatement(ctx, img.at, list[0], o, st, predicateType, there)
	if err != nil {
		return res, err
	}
	if kept {
		res.Kept++
	}
	res.Attested = []Attested{{img.digest, predicateType}}
	return res, nil
}

// rawStatement is a statement as BuildKit wrote it.
type rawStatement struct {
	*Statement
	raw []byte
}

// predicateAnnotation marks the layers of an attestation manifest that hold a
// statement.
const predicateAnnotation = "in-toto.io/predicate-type"

// lifted reads the statements in one attestation manifest. A statement about
// anything else than the manifest says is an error: signing it would vouch for
// an image that nobody asked about.
func lifted(ctx context.Context, s store, e entity) ([]rawStatement, error) {
	m, err := manifestOf(ctx, s, e.digest())
	if err != nil {
		return nil, err
	}
	var out []rawStatement
	for _, l := range m.Layers {
		if l.Annotations[predicateAnnotation] == "" {
			continue
		}
		raw, err := s.blob(ctx, l)
		if err != nil {
			return nil, err
		}
		st, err := parseStatement(raw)
		if err != nil {
			return nil, fmt.Errorf("reading the attestations in %s: %w", s.name(e.digest()), err)
		}
		only := Statement{}
		for _, x := range st.Subject {
			only.Subject = []Subject{x}
			if !only.About(e.about) {
				return nil, fmt.Errorf("the %s in %s is about %s, not about %s alone, so it is not signed", st.PredicateType, s.name(e.digest()), st.subjects(), e.about)
			}
		}
		if len(st.Subject) == 0 {
			return nil, fmt.Errorf("the %s in %s is about nothing, so it is not signed", st.PredicateType, s.name(e.digest()))
		}
		out = append(out, rawStatement{st, raw})
	}
	return out, nil
}
