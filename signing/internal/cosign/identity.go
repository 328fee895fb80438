package cosign

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// Demand is whether something must come with a signature.
type Demand int

// The demands. By default a certificate needs a log entry where the trusted
// root knows a log, a certificate transparency timestamp where it knows such a
// log, and a time in any case; a key needs nothing.
const (
	ByDefault Demand = iota
	Required
	Optional
)

// Demands are what must come with a signature.
type Demands struct{ Log, Timestamp, CT Demand }

// An Identity is who may have signed: a key, or a name in a certificate and
// who vouched for it.
type Identity struct {
	verifier    signature.Verifier // of a key
	fingerprint string

	subject, issuer Match // of a certificate

	root    *TrustedRoot
	demands Demands
}

// A Match is a text that must be equal, or a regular expression that must match
// all of it.
type Match struct {
	Text   string
	Regexp *regexp.Regexp
}

// Anchored compiles a regular expression that matches whole texts.
func Anchored(expr string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(expr); err != nil { // as written, for the message
		return nil, err
	}
	return regexp.Compile(`\A(?:` + expr + `)\z`)
}

func (m Match) ok(s string) bool {
	if m.Regexp != nil {
		return m.Regexp.MatchString(s)
	}
	return m.Text == s
}

// LoadKey reads a public key.
func LoadKey(file []byte) (*Identity, error) {
	public, err := cryptoutils.UnmarshalPEMToPublicKey(file)
	if err != nil {
		return nil, err
	}
	return newKey(public)
}

func newKey(public crypto.PublicKey) (*Identity, error) {
	v, err := signature.LoadDefaultVerifier(public, *cosign.GetDefaultLoadOptions(nil)...)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return &Identity{verifier: v, fingerprint: "sha256:" + hex.EncodeToString(sum[:])}, nil
}

// NewCertificate is an identity in certificates that the root vouches for.
func NewCertificate(subject, issuer Match, r *TrustedRoot, d Demands) (*Identity, error) {
	switch {
	case r == nil:
		return nil, errors.New("an identity needs a trusted root, which says whose certificates count")
	case len(r.FulcioCertificateAuthorities()) == 0:
		return nil, fmt.Errorf("the trusted root %s has no certificate authority", r.name)
	case len(r.RekorLogs()) == 0 && len(r.TimestampingAuthorities()) == 0:
		return nil, fmt.Errorf("the trusted root %s has neither a transparency log nor a timestamp authority, so that nothing says when a certificate was used", r.name)
	}
	id := &Identity{subject: subject, issuer: issuer, root: r}
	return id.demanding(r, d)
}

// Demanding is a key whose signatures must come with something.
func (i *Identity) Demanding(r *TrustedRoot, d Demands) (*Identity, error) {
	if i.verifier == nil {
		return i, nil
	}
	out := *i
	return out.demanding(r, d)
}

func (i *Identity) demanding(r *TrustedRoot, d Demands) (*Identity, error) {
	i.root, i.demands = r, d
	for _, x := range []struct {
		d    Demand
		have bool
		what string
	}{
		{d.Log, r != nil && len(r.RekorLogs()) > 0, "transparency log"},
		{d.Timestamp, r != nil && len(r.TimestampingAuthorities()) > 0, "timestamp authority"},
		{d.CT, r != nil && len(r.CTLogs()) > 0, "certificate transparency log"},
	} {
		if x.d == Required && !x.have {
			if r == nil {
				return nil, fmt.Errorf("a %s is required, and there is no trusted root that knows one", x.what)
			}
			return nil, fmt.Errorf("a %s is required, and the trusted root %s knows none", x.what, r.name)
		}
	}
	return i, nil
}

// fromCertificate is exactly the identity that a certificate names.
func fromCertificate(der []byte, r *TrustedRoot) (*Identity, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	sum, err := certificate.SummarizeCertificate(c)
	if err != nil {
		return nil, err
	}
	return NewCertificate(Match{Text: sum.SubjectAlternativeName}, Match{Text: sum.Issuer}, r, Demands{})
}

// String names the identity, for messages.
func (i *Identity) String() string {
	if i.verifier != nil {
		return "the key " + i.fingerprint
	}
	return i.subject.String() + ", vouched for by " + i.issuer.String()
}

// String is the text, or the expression between slashes.
func (m Match) String() string {
	if m.Regexp != nil {
		return "/" + strings.TrimSuffix(strings.TrimPrefix(m.Regexp.String(), `\A(?:`), `)\z`) + "/"
	}
	return m.Text
}

// IsKey reports whether the identity is a key.
func (i *Identity) IsKey() bool { return i.verifier != nil }

// Evidence is what a signature shows, all of it verified.
type Evidence struct {
	Key     string     `json:"key,omitempty"`     // fingerprint, of a key
	Subject string     `json:"subject,omitempty"` // of a certificate
	Issuer  string     `json:"issuer,omitempty"`
	Times   []Time     `json:"times,omitempty"`
	Logs    []LogEntry `json:"logs,omitempty"`
}

// A Time is when the signature was there already, and who says so.
type Time struct {
	Time   time.Time `json:"time"`
	Source string    `json:"source"` // a timestamp authority or a log
	Log    bool      `json:"log,omitempty"`
}

// A LogEntry is where a transparency log has the signature.
type LogEntry struct {
	Log   string `json:"log"` // its URL in the trusted root, else its key's fingerprint
	Index int64  `json:"index"`
}

// Problem is why a signature does not count.
type Problem string

// The problems, the first that is found.
const (
	OtherSigner    Problem = "by another signer"
	OtherIssuer    Problem = "vouched for by another issuer"
	BadLog         Problem = "transparency log"
	BadTimestamp   Problem = "timestamp"
	BadCertificate Problem = "certificate"
	BadCT          Problem = "certificate transparency"
	BadSignature   Problem = "signature"
)

// A NotError is a signature that is not by an identity, or does not come with
// what is demanded.
type NotError struct {
	Problem Problem
	Who     string // who signed it, as far as it says
	Err     error
}

// Error gives the cause.
func (e *NotError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *NotError) Unwrap() error { return e.Err }

func not(p Problem, who, format string, args ...any) *NotError {
	return &NotError{p, who, fmt.Errorf(format, args...)}
}

// Verify checks that the identity signed what was signed, and that everything
// demanded came with it. Errors are *NotError.
func (i *Identity) Verify(s *Signed) (*Evidence, error) {
	if i.verifier != nil {
		return i.verifyKey(s)
	}
	return i.verifyCertificate(s)
}

func (i *Identity) verifyKey(s *Signed) (*Evidence, error) {
	err := errors.New("there is no signature")
	if s.problem != nil {
		err = s.problem
	}
	message := s.message()
	for _, sig := range s.sigs {
		if err = i.verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)); err == nil {
			break
		}
	}
	if err != nil {
		who := ""
		if c, bad := s.certificate(); bad == nil && c != nil {
			if sum, bad := certificate.SummarizeCertificate(c); bad == nil {
				who = sum.SubjectAlternativeName
			}
		}
		return nil, not(OtherSigner, who, "it is not by this key: %w", err)
	}
	out := &Evidence{Key: i.fingerprint}
	if i.root == nil {
		return out, nil
	}
	b, err := s.entity()
	if err != nil {
		if i.demands.Log != Required && i.demands.Timestamp != Required {
			return out, nil
		}
		return nil, not(BadLog, i.fingerprint, "%w", err)
	}
	material := i.root.with(i)
	if len(b.GetVerificationMaterial().GetTlogEntries()) > 0 || i.demands.Log == Required {
		times, err := verify.VerifyTlogEntry(keyed{b}, material, 1, true)
		if err == nil {
			out.Logs = i.root.entriesBy(keyed{b}, material)
			for _, t := range times {
				out.Times = append(out.Times, Time{t.Time, t.URI, true})
			}
		} else if i.demands.Log == Required {
			return nil, not(BadLog, i.fingerprint, "%w", err)
		}
	}
	if stamped, _ := b.Timestamps(); len(stamped) > 0 || i.demands.Timestamp == Required {
		times, err := verify.VerifySignedTimestampWithThreshold(keyed{b}, material, 1)
		if err != nil && i.demands.Timestamp == Required {
			return nil, not(BadTimestamp, i.fingerprint, "%w", err)
		}
		for _, t := range times {
			out.Times = append(out.Times, Time{t.Time, t.URI, false})
		}
	}
	return out, nil
}

// keyed is a bundle that a key is to have signed, whatever certificate may lie
// in it.
type keyed struct{ *bundle.Bundle }

// VerificationContent implements verify.SignedEntity.
func (k keyed) VerificationContent() (verify.VerificationContent, error) {
	c, err := k.Bundle.VerificationContent()
	if err == nil && c.Certificate() != nil {
		return nil, errors.New("it holds a certificate, not a key")
	}
	return c, err
}

func (i *Identity) verifyCertificate(s *Signed) (*Evidence, error) {
	c, err := s.certificate()
	if err != nil {
		return nil, not(BadCertificate, "", "%w", err)
	}
	if c == nil {
		return nil, not(OtherSigner, "a key", "it is by a key, and not by an identity with a certificate")
	}
	sum, err := certificate.SummarizeCertificate(c)
	if err != nil {
		return nil, not(BadCertificate, "", "%w", err)
	}
	who := sum.SubjectAlternativeName
	switch {
	case !i.subject.ok(who):
		return nil, not(OtherSigner, who, "it is by %s", who)
	case !i.issuer.ok(sum.Issuer):
		return nil, not(OtherIssuer, who, "it is by %s, but vouched for by %s", who, sum.Issuer)
	}
	b, err := s.entity()
	if err != nil {
		return nil, not(BadSignature, who, "%w", err)
	}
	times, problem, err := i.certified(b, s)
	if err != nil {
		return nil, not(problem, who, "%w", err)
	}
	out := &Evidence{Subject: who, Issuer: sum.Issuer, Times: times}
	if i.wants(i.demands.Log, len(i.root.RekorLogs())) {
		out.Logs = i.root.entries(b)
	}
	return out, nil
}

// wants reports whether something is asked of a certificate, of which the root
// knows n.
func (i *Identity) wants(d Demand, n int) bool { return d == Required || d == ByDefault && n > 0 }

// certified verifies a bundle with a certificate.
func (i *Identity) certified(b *bundle.Bundle, s *Signed) ([]Time, Problem, error) {
	var o []verify.VerifierOption
	if i.wants(i.demands.Log, len(i.root.RekorLogs())) {
		o = append(o, verify.WithTransparencyLog(1))
	}
	switch {
	case i.demands.Timestamp == Required || !i.wants(i.demands.Log, len(i.root.RekorLogs())):
		o = append(o, verify.WithSignedTimestamps(1))
	default:
		o = append(o, verify.WithObserverTimestamps(1))
	}
	if i.wants(i.demands.CT, len(i.root.CTLogs())) {
		o = append(o, verify.WithSignedCertificateTimestamps(1))
	}
	v, err := verify.NewVerifier(i.root, o...)
	if err != nil {
		return nil, BadCertificate, err
	}
	artifact := verify.WithoutArtifactUnsafe() // what the statement is about is compared by those who ask
	if s.Envelope == nil {
		sum := sha256.Sum256(s.Payload)
		artifact = verify.WithArtifactDigest("sha256", sum[:])
	}
	res, err := v.Verify(b, verify.NewPolicy(artifact, verify.WithoutIdentitiesUnsafe()))
	if err != nil {
		return nil, problemOf(err), err
	}
	var times []Time
	for _, t := range res.VerifiedTimestamps {
		times = append(times, Time{t.Timestamp, t.URI, t.Type == "Tlog"})
	}
	return times, "", nil
}

// problemOf tells by its words what sigstore-go found wrong; it has no types
// for that, and tests hold the words.
func problemOf(err error) Problem {
	text := err.Error()
	for _, x := range []struct {
		prefix string
		is     Problem
	}{
		{"failed to verify log inclusion", BadLog},
		{"failed to verify timestamps", BadTimestamp},
		{"failed to verify signed certificate timestamp", BadCT},
		{"failed to verify leaf certificate", BadCertificate},
		{"failed to summarize certificate", BadCertificate},
	} {
		if strings.HasPrefix(text, x.prefix) {
			return x.is
		}
	}
	return BadSignature
}

// with is the root and, besides, a key.
func (r *TrustedRoot) with(id *Identity) root.TrustedMaterial {
	if id == nil || id.verifier == nil {
		return r
	}
	key := root.NewExpiringKey(id.verifier, time.Time{}, time.Time{})
	return withKey{r, root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return key, nil })}
}

type withKey struct {
	*TrustedRoot
	key *root.TrustedPublicKeyMaterial
}

// PublicKeyVerifier implements root.TrustedMaterial.
func (k withKey) PublicKeyVerifier(hint string) (root.TimeConstrainedVerifier, error) {
	return k.key.PublicKeyVerifier(hint)
}
