package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
)

// liftedTypes are the predicate types that Attest signs unless others are
// named: what BuildKit and Whittle themselves attach. SPDX and CycloneDX may
// have a version behind them (in-toto attestation framework, spec/predicates).
var liftedTypes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(https://spdx\.dev/Document(/v[0-9.]+)?|https://cyclonedx\.org/bom(/v[0-9.]+)?|https://slsa\.dev/provenance/v(0\.2|1|1\.[0-9]+)|https://whittle-oci\.github\.io/contents/v1)$`)
})

// Attest signs what BuildKit attached to an index: its SBOM, provenance and
// contents, each unchanged, as attestations of the platform they are about.
// Statements of other types are signed only if predicates names them, and
// signatures never: then it names all that is signed.
func Attest(ctx context.Context, img Image, o Options, predicates []string) (Result, error) {
	return AttestAll(ctx, img, o, Statements{Attached: true, Only: predicates})
}

// AttestPredicate signs a predicate of the user's own, a JSON object, about an
// image.
func AttestPredicate(ctx context.Context, img Image, o Options, predicateType string, predicate []byte) (Result, error) {
	return AttestAll(ctx, img, o, Statements{Own: []Predicate{{predicateType, predicate}}})
}

// AttestAll signs statements about an image, in one go.
func AttestAll(ctx context.Context, img Image, o Options, st Statements) (Result, error) {
	return perform(ctx, img, o, false, st)
}

// Statements are what is attested about an image.
type Statements struct {
	Attached bool        // what the builder attached
	Only     []string    // of that, these types alone; none for SBOMs, provenance and contents
	Own      []Predicate // predicates of one's own, about the image as a whole
}

// A Predicate is what a statement says, a JSON object.
type Predicate struct {
	Type string
	JSON []byte
}

// check refuses signatures, and what is no predicate.
func (s Statements) check() error {
	for _, p := range s.Only {
		if isSignatureType(p) {
			return &SignatureTypeError{p}
		}
	}
	for _, p := range s.Own {
		if isSignatureType(p.Type) {
			return &SignatureTypeError{p.Type}
		}
		if err := json.Unmarshal(p.JSON, &map[string]json.RawMessage{}); err != nil {
			return errors.New("the predicate is not a JSON object")
		}
	}
	return nil
}

// about gives the statements by the digest that they are about.
func (s Statements) about(ctx context.Context, img Image, list []entity, log logrus.FieldLogger) (map[string][]rawStatement, error) {
	found := map[string][]rawStatement{}
	if s.Attached {
		if err := s.attached(ctx, img, distinct(list, entity.role), found, log); err != nil {
			return nil, err
		}
	}
	for _, p := range s.Own {
		st, err := newStatement(p.Type, img.digest, p.JSON)
		if err != nil {
			return nil, err
		}
		found[img.digest] = append(found[img.digest], rawStatement{p.Type, st})
	}
	return found, nil
}

// attached reads what the builder attached.
func (s Statements) attached(ctx context.Context, img Image, list []entity, found map[string][]rawStatement, log logrus.FieldLogger) error {
	images := map[string]bool{}
	for _, e := range list {
		images[e.digest()] = images[e.digest()] || e.image()
	}
	var left []string
	use := func(about string) func(*Statement, []byte) error {
		return func(st *Statement, raw []byte) error {
			switch {
			case isSignatureType(st.PredicateType):
				return &SignatureTypeError{st.PredicateType}
			case !images[about]:
			case len(s.Only) == 0 && !liftedTypes().MatchString(st.PredicateType):
				left = append(left, st.PredicateType)
			case len(s.Only) == 0 || slices.Contains(s.Only, st.PredicateType):
				found[about] = append(found[about], rawStatement{st.PredicateType, raw})
			}
			return nil
		}
	}
	for _, e := range list {
		if e.doubt != "" {
			log.Warnf("nothing in %s is attested: %s", printable(e.in(img.at)), printable(e.doubt))
		}
		if e.attestation() {
			if err := lifted(ctx, img.at, e, "so it is not signed", use(e.about)); err != nil {
				return err
			}
		}
	}
	slices.Sort(left)
	if left = slices.Compact(left); len(left) > 0 {
		log.Warnf("not attested, as it is neither an SBOM, provenance nor contents (--only names it): %s", printable(strings.Join(left, ", ")))
	}
	return nil
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
