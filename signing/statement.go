package signing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A Statement is what an attestation says (in-toto attestation framework,
// spec/v1/statement.md).
type Statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate,omitempty"`
}

// A Subject is what a statement is about.
type Subject struct {
	Name        string            `json:"name,omitempty"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]any    `json:"annotations,omitempty"`
}

// statementTypes begins the types of in-toto statements of all versions.
const statementTypes = "https://in-toto.io/Statement/"

// newStatement makes a statement, version 1, about one digest. A signature is
// made by newSignature alone.
func newStatement(predicateType, digest string, predicate json.RawMessage) ([]byte, error) {
	if isSignatureType(predicateType) {
		return nil, &SignatureTypeError{predicateType}
	}
	return json.Marshal(Statement{
		Type: statementTypes + "v1", Subject: []Subject{subjectOf(digest)}, PredicateType: predicateType, Predicate: predicate,
	})
}

// newSignature makes the statement that says that a digest is signed, and what
// is said of it beside that.
func newSignature(digest string, annotations map[string]string) ([]byte, error) {
	subject := subjectOf(digest)
	for k, v := range annotations {
		if subject.Annotations == nil {
			subject.Annotations = map[string]any{}
		}
		subject.Annotations[k] = v
	}
	return json.Marshal(Statement{Type: statementTypes + "v1", Subject: []Subject{subject}, PredicateType: cosign.SignPredicate})
}

func subjectOf(digest string) Subject {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return Subject{Digest: map[string]string{algorithm: hex}}
}

// A SignatureTypeError is an attestation that would be a signature, or would be
// taken for one by some: whoever writes what is attested would say who signed
// the image, and what its signature says.
type SignatureTypeError struct{ PredicateType string }

// Error names the way to a signature.
func (e *SignatureTypeError) Error() string {
	return fmt.Sprintf("%q is the type of signatures, not of attestations; whittle sign makes those", e.PredicateType)
}

// ExitCode is the code for what is refused.
func (*SignatureTypeError) ExitCode() int { return 1 }

// isSignatureType reports whether a predicate type is that of a signature, or
// could be taken for it: the comparison of URIs differs between readers in
// scheme, case, escapes and slashes. Any version counts, and so do the types
// that older signatures have as payloads and layers.
func isSignatureType(predicateType string) bool {
	t := strings.ToLower(predicateType)
	for range 4 {
		if u, err := url.PathUnescape(t); err == nil {
			t = strings.ToLower(u)
		}
	}
	t = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, t)
	if _, after, ok := strings.Cut(t, "://"); ok {
		t = after
	}
	t = path.Clean(strings.TrimLeft(t, "/"))
	host, rest, _ := strings.Cut(t, "/")
	host = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80"), "www."), ".")
	kind, isKind := strings.CutPrefix(host+"/"+rest, "sigstore.dev/cosign/sign")
	return isKind && (kind == "" || strings.ContainsRune("/?#@", rune(kind[0]))) ||
		strings.Contains(t, "simplesigning") || strings.Contains(t, "containerimagesignature") || strings.Contains(t, "atomiccontainersignature")
}

// errNoSignature is a statement that has the type of a signature. What an
// attestation says is chosen by others than the signer, and attestations of any
// type are signed; a signature counts only where cosign and Whittle sign so.
var errNoSignature = errors.New("it has the type of a signature, but not the form that cosign gives one")

// asCosignSigns holds a statement to the form that cosign 2 and 3 write
// (cmd/cosign/cli/sign/sign.go): in-toto version 1, one subject that has a
// digest and annotations, and an empty predicate or none.
func asCosignSigns(st *Statement, raw []byte) error {
	fields, err := oci.Fields(raw)
	if err != nil {
		return err
	}
	var subjects []map[string]json.RawMessage
	if err := json.Unmarshal(fields["subject"], &subjects); err != nil {
		return err
	}
	switch {
	case st.PredicateType != cosign.SignPredicate:
		return fmt.Errorf("the predicate type %q", st.PredicateType)
	case st.Type != statementTypes+"v1":
		return fmt.Errorf("the statement type %q", st.Type)
	case len(subjects) != 1:
		return fmt.Errorf("%d subjects", len(subjects))
	case len(st.Subject[0].Digest) != 1:
		return fmt.Errorf("%d digests", len(st.Subject[0].Digest))
	case !slices.Contains([]string{"", "null", "{}"}, string(bytes.Join(bytes.Fields(fields["predicate"]), nil))):
		return errors.New("a predicate")
	}
	for name := range fields {
		if !slices.Contains([]string{"_type", "subject", "predicateType", "predicate"}, name) {
			return fmt.Errorf("the field %q", name)
		}
	}
	for name := range subjects[0] {
		if name != "digest" && name != "annotations" {
			return fmt.Errorf("the field %q of its subject", name)
		}
	}
	return nil
}

// parseStatement reads a statement, and refuses one that readers understand
// differently.
func parseStatement(raw []byte) (*Statement, error) {
	fields, err := oci.Fields(raw)
	if err == nil {
		err = oci.Exact(fields, "_type", "subject", "predicateType", "predicate")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the statement: %w", err)
	}
	var subjects []map[string]json.RawMessage
	if s, ok := fields["subject"]; ok {
		if err := json.Unmarshal(s, &subjects); err != nil {
			return nil, fmt.Errorf("reading the statement: %w", err)
		}
	}
	for _, s := range subjects {
		if err := oci.Exact(s, "name", "digest", "annotations"); err != nil {
			return nil, fmt.Errorf("reading the statement: %w", err)
		}
	}
	var st Statement
	if err := json.Unmarshal(raw, &st); err != nil {
		return nil, fmt.Errorf("reading the statement: %w", err)
	}
	if v, ok := strings.CutPrefix(st.Type, statementTypes); !ok || v != "v1" && v != "v0.1" {
		return nil, fmt.Errorf("%q is not an in-toto statement", st.Type)
	}
	if st.PredicateType == "" {
		return nil, errors.New("the statement has no predicate type")
	}
	return &st, nil
}

// enveloped reads the statement in an envelope, whoever signed it.
func enveloped(e *cosign.Envelope) (*Statement, error) {
	if e.PayloadType != cosign.StatementType {
		return nil, fmt.Errorf("the envelope holds %q, not a statement", e.PayloadType)
	}
	return parseStatement(e.Payload)
}

// About reports whether the statement has the digest among its subjects.
func (s *Statement) About(digest string) bool { return s.subject(digest) != nil }

// annotated reports whether the statement says everything wanted of a digest.
func (s *Statement) annotated(digest string, wanted map[string]string) bool {
	subject := s.subject(digest)
	for _, k := range slices.Sorted(maps.Keys(wanted)) {
		if subject == nil || subject.Annotations[k] != any(wanted[k]) {
			return false
		}
	}
	return true
}

func (s *Statement) subject(digest string) *Subject {
	algorithm, hex, _ := strings.Cut(digest, ":")
	for i, x := range s.Subject {
		if hex != "" && x.Digest[algorithm] == hex {
			return &s.Subject[i]
		}
	}
	return nil
}

// subjects gives the digests that the statement is about, for messages.
func (s *Statement) subjects() string {
	var out []string
	for _, x := range s.Subject {
		for _, alg := range slices.Sorted(maps.Keys(x.Digest)) {
			out = append(out, alg+":"+x.Digest[alg])
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(slices.Compact(out), ", ")
}

// simplePayload is what is signed in the older format (containers/image,
// docs/containers-signature.5.md, as cosign fills it).
type simplePayload struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

// simpleType is the type of cosign's payloads.
const simpleType = "cosign container image signature"

func simpleSigning(repository, digest string, annotations map[string]string) ([]byte, error) {
	var p simplePayload
	p.Critical.Identity.Reference = repository
	p.Critical.Image.Digest = digest
	p.Critical.Type = simpleType
	for k, v := range annotations {
		if p.Optional == nil {
			p.Optional = map[string]any{}
		}
		p.Optional[k] = v
	}
	return json.Marshal(p)
}

// parseSimple reads a payload of the older format as the statement that it
// comes to.
func parseSimple(raw []byte) (*Statement, error) {
	if _, err := oci.Fields(raw); err != nil {
		return nil, fmt.Errorf("reading the signed payload: %w", err)
	}
	var p simplePayload
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("reading the signed payload: %w", err)
	}
	if p.Critical.Type != simpleType {
		return nil, fmt.Errorf("the payload %q is not an image signature", p.Critical.Type)
	}
	algorithm, hex, ok := strings.Cut(p.Critical.Image.Digest, ":")
	if !ok {
		return nil, fmt.Errorf("the payload signs %q, which is no digest", p.Critical.Image.Digest)
	}
	return &Statement{
		PredicateType: cosign.SignPredicate,
		Subject:       []Subject{{Name: p.Critical.Identity.Reference, Digest: map[string]string{algorithm: hex}, Annotations: p.Optional}},
	}, nil
}
