package signing

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// newStatement makes a statement, version 1, about one digest.
func newStatement(predicateType, digest string, predicate json.RawMessage, annotations map[string]string) ([]byte, error) {
	algorithm, hex, _ := strings.Cut(digest, ":")
	subject := Subject{Digest: map[string]string{algorithm: hex}}
	for k, v := range annotations {
		if subject.Annotations == nil {
			subject.Annotations = map[string]any{}
		}
		subject.Annotations[k] = v
	}
	return json.Marshal(Statement{Type: statementTypes + "v1", Subject: []Subject{subject}, PredicateType: predicateType, Predicate: predicate})
}

// parseStatement reads a statement.
func parseStatement(raw []byte) (*Statement, error) {
	var st Statement
	if err := json.Unmarshal(raw, &st); err != nil {
		return nil, fmt.Errorf("reading the statement: %w", err)
	}
	if !strings.HasPrefix(st.Type, statementTypes) {
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
