package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// liftedTypes are the predicate types that Attest signs unless others are
// named: what BuildKit and Whittle themselves attach. SPDX and CycloneDX may
// have a version behind them (in-toto attestation framework, spec/predicates).
var liftedTypes = regexp.MustCompile(`^(https://spdx\.dev/Document(/v[0-9.]+)?|https://cyclonedx\.org/bom(/v[0-9.]+)?|https://slsa\.dev/provenance/v(0\.2|1|1\.[0-9]+)|https://whittle-oci\.github\.io/contents/v1)$`)

// Attest signs what BuildKit attached to an index: its SBOM, provenance and
// contents, each unchanged, as attestations of the platform they are about.
// Statements of other types are signed only if predicates names them, and
// signatures never: then it names all that is signed.
func Attest(ctx context.Context, img Image, o Options, predicates []string) (Result, error) {
	res := Result{Image: img.Reference(), Source: img.Place(), Digest: img.digest}
	o, err := o.complete()
	if err != nil {
		return res, err
	}
	for _, p := range predicates {
		if isSignatureType(p) {
			return res, &SignatureTypeError{p}
		}
	}
	plan, err := liftable(ctx, img, o, predicates)
	if err != nil {
		return res, err
	}
	for _, p := range plan {
		for _, st := range p.statements {
			kept, err := writeStatement(ctx, img.at, p.about, o, st.raw, st.predicateType, p.there)
			if err != nil {
				return res, err
			}
			if kept {
				res.Kept++
			}
			res.Attested = append(res.Attested, Attested{p.about.digest(), st.predicateType})
		}
	}
	return res, nil
}

// toAttest is what is to be signed about one image.
type toAttest struct {
	about      entity
	statements []rawStatement
	there      signed
}

// liftable reads what is to be signed, all of it, before anything is signed.
func liftable(ctx context.Context, img Image, o Options, predicates []string) ([]toAttest, error) {
	img, b, ctx, cancel := img.within(ctx, Limits{})
	defer cancel()
	list, err := entities(ctx, img)
	if err != nil {
		return nil, err
	}
	list = distinct(list, entity.role)
	found := map[string][]rawStatement{}
	var left []string
	use := func(about string) func(*Statement, []byte) error {
		return func(st *Statement, raw []byte) error {
			switch {
			case isSignatureType(st.PredicateType):
				return &SignatureTypeError{st.PredicateType}
			case len(predicates) == 0 && !liftedTypes.MatchString(st.PredicateType):
				left = append(left, st.PredicateType)
			case len(predicates) == 0 || slices.Contains(predicates, st.PredicateType):
				found[about] = append(found[about], rawStatement{st.PredicateType, raw})
			}
			return nil
		}
	}
	for _, e := range list {
		if e.doubt != "" {
			o.Log.Warnf("nothing in %s is attested: %s", printable(e.in(img.at)), printable(e.doubt))
		}
		if e.attestation() {
			if err := lifted(ctx, img.at, e, "so it is not signed", use(e.about)); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(left)
	if left = slices.Compact(left); len(left) > 0 {
		o.Log.Warnf("not attested, as it is neither an SBOM, provenance nor contents (--only names it): %s", printable(strings.Join(left, ", ")))
	}
	var out []toAttest
	for _, e := range list {
		if !e.image() || len(found[e.digest()]) == 0 {
			continue
		}
		there, err := admitted(ctx, img.at, b, e.digest(), o)
		if err != nil {
			return nil, err
		}
		out = append(out, toAttest{e, found[e.digest()], there})
	}
	return out, nil
}

// AttestPredicate signs a predicate of the user's own, a JSON object, about an
// image.
func AttestPredicate(ctx context.Context, img Image, o Options, predicateType string, predicate []byte) (Result, error) {
	res := Result{Image: img.Reference(), Source: img.Place(), Digest: img.digest}
	o, err := o.complete()
	if err != nil {
		return res, err
	}
	if isSignatureType(predicateType) {
		return res, &SignatureTypeError{predicateType}
	}
	if err := json.Unmarshal(predicate, &map[string]json.RawMessage{}); err != nil {
		return res, errors.New("the predicate is not a JSON object")
	}
	if img.at == nil {
		return res, errNoImage
	}
	_, desc, err := img.at.manifest(ctx, img.digest)
	if err != nil {
		return res, err
	}
	in, b, bounded, cancel := img.within(ctx, Limits{})
	defer cancel()
	there, err := admitted(bounded, in.at, b, img.digest, o)
	if err != nil {
		return res, err
	}
	st, err := newStatement(predicateType, img.digest, predicate)
	if err != nil {
		return res, err
	}
	kept, err := writeStatement(ctx, img.at, entity{desc: desc}, o, st, predicateType, there)
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
	predicateType string
	raw           []byte
}

// predicateAnnotation marks the layers of an attestation manifest that hold a
// statement.
const predicateAnnotation = "in-toto.io/predicate-type"

// lifted reads the statements in one attestation manifest. A statement about
// anything else than the manifest says is an error: signing it would vouch for
// an image that nobody asked about. then says what follows from that.
func lifted(ctx context.Context, s store, e entity, then string, use func(st *Statement, raw []byte) error) error {
	m, err := manifestOf(ctx, s, e.digest())
	if err != nil {
		return err
	}
	for _, l := range m.Layers {
		if l.Annotations[predicateAnnotation] == "" {
			continue
		}
		raw, err := s.blob(ctx, l)
		if err != nil {
			return err
		}
		st, err := parseStatement(raw)
		if err == nil {
			err = st.aboutOnly(e.about, then)
		}
		if err == nil {
			err = use(st, raw)
		}
		if err != nil {
			return &MalformedError{s.name(e.digest()), err}
		}
	}
	return nil
}

// aboutOnly refuses a statement that is about anything but the digest.
func (s *Statement) aboutOnly(digest, then string) error {
	if len(s.Subject) == 0 { // BuildKit names the image by its references
		return fmt.Errorf("the %s names no image, %s: the build gave the image no name, build it with -t NAME", s.PredicateType, then)
	}
	for _, x := range s.Subject {
		if one := (Statement{Subject: []Subject{x}}); !one.About(digest) || len(x.Digest) != 1 {
			return fmt.Errorf("the %s is about %s, not about %s alone, %s", s.PredicateType, s.subjects(), digest, then)
		}
	}
	return nil
}
