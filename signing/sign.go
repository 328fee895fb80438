package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// Format is how signatures and attestations are kept.
type Format string

// The formats. Bundle is what cosign 2 writes with --new-bundle-format and
// cosign 3 by itself; Legacy is what cosign 2 writes by itself.
const (
	Bundle Format = "bundle"
	Legacy Format = "legacy"
)

// ParseFormat reads a format's name.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case Bundle, Legacy:
		return f, nil
	}
	return "", fmt.Errorf("the format %q is neither bundle nor legacy", s)
}

// A FormatError is an image that carries the other format already. One stray
// bundle makes cosign ignore good signatures of the older kind.
type FormatError struct {
	Ref  string
	Have Format
}

// Error names the way out.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%s carries %s signatures already, and cosign reads only one kind of an image; use --format %s", e.Ref, e.Have, e.Have)
}

// Result says what was signed.
type Result struct {
	Digest   string   `json:"digest"`
	Signed   []string `json:"signed"`             // digests: index, platforms, attestation manifests
	Attested []string `json:"attested,omitempty"` // "PREDICATE of DIGEST"
}

// Sign signs a digest and, of an index, every manifest in it.
func Sign(ctx context.Context, d name.Digest, key *Key, f Format) (*Result, error) {
	list, err := entities(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if err := otherFormat(ctx, e.digest, f); err != nil {
			return nil, err
		}
	}
	res := &Result{Digest: d.DigestStr()}
	for _, e := range list {
		if err := signOne(ctx, e.digest, key, f); err != nil {
			return res, err
		}
		res.Signed = append(res.Signed, e.digest.DigestStr())
	}
	return res, nil
}

func signOne(ctx context.Context, d name.Digest, key *Key, f Format) error {
	if f == Legacy {
		payload, err := simpleSigning(d)
		if err != nil {
			return err
		}
		sig, err := key.signer.Payload(ctx, payload)
		if err != nil {
			return err
		}
		return attached(d, cosign.AttachPayload(d, payload, sig, options(ctx)))
	}
	st, err := statement(cosign.SignPredicate, d.DigestStr(), nil)
	if err != nil {
		return err
	}
	b, err := key.signer.Bundle(ctx, st)
	if err != nil {
		return err
	}
	return attached(d, cosign.AttachBundle(d, b, cosign.SignPredicate, options(ctx)))
}

func attached(d name.Digest, err error) error {
	if err != nil {
		return &RegistryError{d.String(), "attaching a signature to", err}
	}
	return nil
}

// simpleSigning is the payload of the older format (containers/image,
// docs/containers-signature.5.md, as cosign fills it).
func simpleSigning(d name.Digest) ([]byte, error) {
	var p simplePayload
	p.Critical.Identity.Reference = d.Context().Name()
	p.Critical.Image.Digest = d.DigestStr()
	p.Critical.Type = "cosign container image signature"
	return json.Marshal(p)
}

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

// statement makes an in-toto statement, version 1, about one digest.
func statement(predicateType, digest string, predicate json.RawMessage) ([]byte, error) {
	algorithm, hex, _ := strings.Cut(digest, ":")
	s := Statement{Type: "https://in-toto.io/Statement/v1", Subject: []Subject{{Digest: map[string]string{algorithm: hex}}}, PredicateType: predicateType, Predicate: predicate}
	return json.Marshal(s)
}

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
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// About reports whether the statement has the digest among its subjects.
func (s *Statement) About(digest string) bool {
	algorithm, hex, _ := strings.Cut(digest, ":")
	for _, x := range s.Subject {
		if x.Digest[algorithm] == hex && hex != "" {
			return true
		}
	}
	return false
}

// otherFormat refuses an image that carries the format that is not wanted.
func otherFormat(ctx context.Context, d name.Digest, want Format) error {
	bundles, err := bundleReferrers(ctx, d)
	if err != nil {
		return err
	}
	if want == Legacy && len(bundles) > 0 {
		return &FormatError{d.String(), Bundle}
	}
	if want == Legacy {
		return nil
	}
	for _, suffix := range []string{cosign.SignatureSuffix, cosign.AttestSuffix} {
		_, err := remote.Head(legacyTag(d, suffix), options(ctx)...)
		if err == nil {
			return &FormatError{d.String(), Legacy}
		}
		if !isNotFound(err) {
			return &RegistryError{d.String(), "looking for signatures of", err}
		}
	}
	return nil
}

func legacyTag(d name.Digest, suffix string) name.Tag {
	return d.Context().Tag(strings.ReplaceAll(d.DigestStr(), ":", "-") + "." + suffix)
}

// Attest signs what BuildKit attached to an index: its SBOM, provenance and
// contents, each unchanged, as attestations of the platform they are about.
// predicates limits it to these types; nil is all of them.
func Attest(ctx context.Context, d name.Digest, key *Key, f Format, predicates []string) (*Result, error) {
	list, err := entities(ctx, d)
	if err != nil {
		return nil, err
	}
	res := &Result{Digest: d.DigestStr()}
	for _, e := range list {
		if !e.attestation || e.subject == "" {
			continue
		}
		found, err := lifted(ctx, e)
		if err != nil {
			return res, err
		}
		for _, st := range found {
			if len(predicates) > 0 && !contains(predicates, st.predicate) {
				continue
			}
			subject := d.Context().Digest(e.subject)
			if err := attestOne(ctx, subject, key, f, st.raw, st.predicate); err != nil {
				return res, err
			}
			res.Attested = append(res.Attested, st.predicate+" of "+e.subject)
		}
	}
	return res, nil
}

// AttestPredicate signs a predicate of the user's own about a digest.
func AttestPredicate(ctx context.Context, d name.Digest, key *Key, f Format, predicateType string, predicate []byte) (*Result, error) {
	if !json.Valid(predicate) {
		return nil, errors.New("the predicate is not JSON")
	}
	st, err := statement(predicateType, d.DigestStr(), predicate)
	if err != nil {
		return nil, err
	}
	if err := attestOne(ctx, d, key, f, st, predicateType); err != nil {
		return nil, err
	}
	return &Result{Digest: d.DigestStr(), Attested: []string{predicateType + " of " + d.DigestStr()}}, nil
}

func attestOne(ctx context.Context, d name.Digest, key *Key, f Format, st []byte, predicate string) error {
	if err := otherFormat(ctx, d, f); err != nil {
		return err
	}
	if f == Legacy {
		env, err := key.signer.Envelope(ctx, st)
		if err != nil {
			return err
		}
		return attached(d, cosign.AttachEnvelope(d, env, predicate, options(ctx)))
	}
	b, err := key.signer.Bundle(ctx, st)
	if err != nil {
		return err
	}
	return attached(d, cosign.AttachBundle(d, b, predicate, options(ctx)))
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// rawStatement is a statement as BuildKit wrote it.
type rawStatement struct {
	predicate string
	raw       []byte
}

// lifted reads the statements in one attestation manifest. A statement about
// another image than the manifest says is an error: it would be signed for the
// wrong one.
func lifted(ctx context.Context, e entity) ([]rawStatement, error) {
	img, err := remote.Image(e.digest, options(ctx)...)
	if err != nil {
		return nil, &RegistryError{e.digest.String(), "reading", err}
	}
	m, err := manifestLayers(img)
	if err != nil {
		return nil, fmt.Errorf("reading the attestations in %s: %w", e.digest, err)
	}
	var out []rawStatement
	for _, l := range m.Layers {
		if l.Annotations["in-toto.io/predicate-type"] == "" {
			continue
		}
		layer, err := img.LayerByDigest(l.Digest)
		if err != nil {
			return nil, fmt.Errorf("reading the attestations in %s: %w", e.digest, err)
		}
		rc, err := layer.Compressed()
		if err != nil {
			return nil, &RegistryError{e.digest.String(), "reading", err}
		}
		raw, err := io.ReadAll(io.LimitReader(rc, maxAttached))
		if err := errors.Join(err, rc.Close()); err != nil {
			return nil, &RegistryError{e.digest.String(), "reading", err}
		}
		var st Statement
		if err := json.Unmarshal(raw, &st); err != nil {
			return nil, fmt.Errorf("reading the attestations in %s: %w", e.digest, err)
		}
		if !st.About(e.subject) {
			return nil, fmt.Errorf("the %s in %s is not about %s, so it is not signed", st.PredicateType, e.digest, e.subject)
		}
		out = append(out, rawStatement{st.PredicateType, raw})
	}
	return out, nil
}
