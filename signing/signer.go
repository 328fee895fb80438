package signing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A Signer signs: a key on disk, one in a key management service, or an
// identity that a certificate speaks for. LoadKey, OpenKMS and NewKeyless make
// one.
type Signer interface {
	// Statement signs an in-toto statement as a DSSE envelope.
	Statement(ctx context.Context, statement []byte) (*Signed, error)
	// Message signs bytes as they are, for the older signature format.
	Message(ctx context.Context, payload []byte) (*Signed, error)
	// Identity is whose signatures it makes, so that they can be recognised;
	// nil where that cannot be told.
	Identity(ctx context.Context) (Identity, error)
}

// Signed is what was signed with everything that came with the signature: the
// envelope or payload, the certificate, log entries and timestamps. It proves
// nothing until an Identity has verified it.
type Signed = cosign.Signed

// An Identity is who may have signed.
type Identity interface {
	// Verify checks that the identity signed it, and that all that is demanded
	// came with it. What it returns is verified. An error is a *NotError.
	Verify(*Signed) (*Evidence, error)
	// String names the identity, for messages.
	String() string
}

// Evidence is what a verified signature shows: by whom, when, in which log.
type Evidence = cosign.Evidence

// NotError is why a signature does not count for an identity.
type NotError = cosign.NotError

// A TrustedRoot is whose certificates, log entries and timestamps count.
type TrustedRoot = cosign.TrustedRoot

// ParseTrustedRoot reads a trusted_root.json; name is where it is from.
func ParseTrustedRoot(name string, raw []byte) (*TrustedRoot, error) {
	return cosign.ParseTrustedRoot(name, raw)
}

// A Service is one that a trusted root or a signing configuration names.
type Service = cosign.Service

// Services are who is asked for certificates, log entries and timestamps.
type Services = cosign.Services

// ParseServices reads a signing_config.json; name is where it is from. The
// services are asked again when they are busy or fail for the moment, some 25
// seconds long; say is told of it, and may be nil.
func ParseServices(name string, raw []byte, say func(string)) (Services, error) {
	return cosign.ParseServices(name, raw, time.Now(), &oci.Retry{Next: http.DefaultTransport, Attempts: serviceAttempts, Log: say})
}

// serviceAttempts is how often a service is asked before its answer is
// believed: waits of 0.2, 0.6, 1.8, 5.4 and 16.2 seconds lie between.
const serviceAttempts = 6

// errNoToken is a keyless signer without an identity token.
var errNoToken = errors.New("there is no identity token to sign with")

// NewKeyless is a signer that has a certificate made out for an identity token.
// One certificate serves everything that is signed while it lasts; then token
// is asked for a new one. With a trusted root, what is signed is verified
// before it goes anywhere, and what is signed already is recognised.
func NewKeyless(s Services, root *TrustedRoot, token func(context.Context) (string, error)) (Signer, error) {
	if token == nil {
		return nil, errNoToken
	}
	k, err := cosign.NewKeyless(s, root, token)
	if err != nil {
		return nil, err
	}
	return signerOf{k}, nil
}

// OpenKMS is a key in a key management service: hashivault://NAME, or one that
// a program sigstore-kms-NAME on PATH serves.
func OpenKMS(ctx context.Context, ref string) (*Key, error) {
	s, err := cosign.OpenKMS(ctx, ref)
	if err != nil {
		return nil, err
	}
	return newKey(ref, s)
}

// IsKMS reports whether a text names a key in a key management service.
func IsKMS(s string) bool { return cosign.IsKMS(s) }

// signerOf is a signer of sigstore's.
type signerOf struct{ *cosign.Signer }

// Identity implements Signer. A nil pointer must not become an interface.
func (s signerOf) Identity(ctx context.Context) (Identity, error) {
	id, err := s.Signer.Identity(ctx)
	if id == nil || err != nil {
		return nil, err
	}
	return id, nil
}

// Whole implements uploader.
func (s signerOf) Whole() bool { return s.Signer.Services().Whole() }

// KeyIdentity is a public key, PEM.
func KeyIdentity(pem []byte) (Identity, error) {
	id, err := cosign.LoadKey(pem)
	if err != nil {
		return nil, fmt.Errorf("reading the public key: %w", err)
	}
	return id, nil
}

// Demand is whether something must come with a signature.
type Demand = cosign.Demand

// Demands are what must come with a signature.
type Demands = cosign.Demands

// The demands. By default a certificate needs a log entry and a certificate
// transparency timestamp where the trusted root knows such logs, and a time in
// any case; a key needs nothing.
const (
	ByDefault = cosign.ByDefault
	Required  = cosign.Required
	Optional  = cosign.Optional
)

// LoggedKey is a public key, PEM, whose signatures must come with what is
// demanded. root may be nil where nothing is required.
func LoggedKey(pem []byte, root *TrustedRoot, d Demands) (Identity, error) {
	id, err := cosign.LoadKey(pem)
	if err != nil {
		return nil, fmt.Errorf("reading the public key: %w", err)
	}
	if id, err = id.Demanding(root, d); err != nil {
		return nil, err
	}
	return id, nil
}

// A Name is who a certificate is made out to, or who vouched for that: a text
// that must be equal, or a regular expression that must match all of it.
type Name struct{ Text, Regexp string }

// CertificateIdentity is a subject in certificates that an issuer of identity
// tokens vouched for and the trusted root believes.
func CertificateIdentity(subject, issuer Name, root *TrustedRoot, d Demands) (Identity, error) {
	s, err := subject.match("identity")
	if err != nil {
		return nil, err
	}
	i, err := issuer.match("issuer")
	if err != nil {
		return nil, err
	}
	id, err := cosign.NewCertificate(s, i, root, d)
	if err != nil {
		return nil, err
	}
	return id, nil
}

func (n Name) match(what string) (cosign.Match, error) {
	switch {
	case n.Text == "" && n.Regexp == "":
		return cosign.Match{}, fmt.Errorf("there is no %s: an identity is believed only together with who vouches for it", what)
	case n.Text != "" && n.Regexp != "":
		return cosign.Match{}, fmt.Errorf("the %s is both a text and a regular expression", what)
	case n.Text != "":
		return cosign.Match{Text: n.Text}, nil
	}
	re, err := cosign.Anchored(n.Regexp)
	if err != nil {
		return cosign.Match{}, fmt.Errorf("the %s: %w", what, err)
	}
	if re.MatchString("") || re.MatchString(anyone) {
		return cosign.Match{}, fmt.Errorf("the %s /%s/ matches anyone", what, n.Regexp)
	}
	return cosign.Match{Regexp: re}, nil
}

// anyone is a name that nobody can have, and that only an expression which
// names nobody matches.
const anyone = "\u2603 nobody \u2603"

// Anchored compiles a regular expression that matches whole texts only.
func Anchored(expr string) (*regexp.Regexp, error) { return cosign.Anchored(expr) }

// Login has a person log in with an issuer, in a browser here, or with a code
// that they enter on another device, and gives the identity token. say shows
// them what to do. It is for terminals: elsewhere it would wait for no one.
func Login(ctx context.Context, issuer string, browser bool, say func(string)) (string, error) {
	return cosign.Login(ctx, issuer, browser, say)
}
