package cosign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	signatureoptions "github.com/sigstore/sigstore/pkg/signature/options"
)

// A Signer signs: with a key, or with one of its own that a certificate speaks
// for.
type Signer struct {
	services Services
	root     *TrustedRoot // checks what was signed; may be nil

	key      *keypair // of a key
	identity *Identity

	token func(context.Context) (string, error) // of a certificate
	mu    sync.Mutex
	now   *certified
}

// certified is a key of its own with a certificate.
type certified struct {
	key   *keypair
	der   []byte
	until time.Time // by the clock here, whatever the certificate says
}

// NewKeyless is a signer that gets certificates from the services' authority.
// token gives an identity token; it is asked again when a certificate has run
// out.
func NewKeyless(services Services, root *TrustedRoot, token func(context.Context) (string, error)) (*Signer, error) {
	if services.authority == nil {
		return nil, errors.New("the signing configuration names no certificate authority")
	}
	if len(services.logs) == 0 && len(services.timestamps) == 0 {
		return nil, errors.New("the signing configuration names neither a transparency log nor a timestamp authority: nothing would say that a certificate was valid when it was used")
	}
	return &Signer{services: services, root: root, token: token}, nil
}

// With is the signer with logs and timestamp authorities. Signatures that came
// without are not taken for its own, where the root can tell.
func (s *Signer) With(services Services, root *TrustedRoot) (*Signer, error) {
	services.authority = nil
	out := &Signer{services: services, root: root, key: s.key, identity: s.identity}
	if root == nil {
		return out, nil
	}
	var d Demands
	if len(services.logs) > 0 {
		d.Log = Required
	}
	if len(services.timestamps) > 0 {
		d.Timestamp = Required
	}
	var err error
	out.identity, err = s.identity.Demanding(root, d)
	return out, err
}

// Services are those that the signer asks.
func (s *Signer) Services() Services { return s.services }

func newSigner(sv signature.SignerVerifier) (*Signer, error) {
	k, err := newKeypair(sv)
	if err != nil {
		return nil, err
	}
	id, err := newKey(k.public)
	if err != nil {
		return nil, err
	}
	return &Signer{key: k, identity: id}, nil
}

// PublicPEM is the key's other half as a file; nil of a signer without a key.
func (s *Signer) PublicPEM() ([]byte, error) {
	if s.key == nil {
		return nil, nil
	}
	return cryptoutils.MarshalPublicKeyToPEM(s.key.public)
}

// Algorithm names the key's algorithm: "ECDSA P-256", "RSA 4096", "Ed25519".
func (s *Signer) Algorithm() string {
	if s.key == nil {
		return "ECDSA P-256"
	}
	switch k := s.key.public.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", s.key.public)
}

// Identity is whose signatures the signer makes, to recognise them: its key,
// or the identity in its certificate, which may be asked for here.
func (s *Signer) Identity(ctx context.Context) (*Identity, error) {
	if s.identity != nil {
		return s.identity, nil
	}
	if s.root == nil {
		return nil, nil // what is there cannot be recognised
	}
	c, err := s.certified(ctx)
	if err != nil {
		return nil, err
	}
	return fromCertificate(c.der, s.root)
}

// Statement signs an in-toto statement as a DSSE envelope.
func (s *Signer) Statement(ctx context.Context, statement []byte) (*Signed, error) {
	b, err := s.sign(ctx, &sign.DSSEData{Data: statement, PayloadType: StatementType})
	if err != nil {
		return nil, err
	}
	var sigs [][]byte
	for _, x := range b.GetDsseEnvelope().GetSignatures() {
		sigs = append(sigs, x.GetSig())
	}
	return &Signed{Envelope: &Envelope{StatementType, statement, sigs}, Payload: statement, sigs: sigs, bundle: b}, nil
}

// Message signs bytes as they are, for cosign's older signature format.
func (s *Signer) Message(ctx context.Context, payload []byte) (*Signed, error) {
	b, err := s.sign(ctx, &sign.PlainData{Data: payload})
	if err != nil {
		return nil, err
	}
	return &Signed{Payload: payload, sigs: [][]byte{b.GetMessageSignature().GetSignature()}, bundle: b}, nil
}

// conflicts is how often something is signed anew because the log has an equal
// entry already and does not give it out.
const conflicts = 3

func (s *Signer) sign(ctx context.Context, content sign.Content) (*bundle.Bundle, error) {
	for try := 1; ; try++ {
		b, err := s.signOnce(ctx, content)
		if try < conflicts && errors.Is(err, errConflict) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
		return bundle.NewBundle(b)
	}
}

func (s *Signer) signOnce(ctx context.Context, content sign.Content) (*protobundle.Bundle, error) {
	key := s.key
	o := sign.BundleOptions{Context: ctx, TimestampAuthorities: s.services.timestamping(ctx), TransparencyLogs: s.services.logs}
	if key == nil {
		c, err := s.certified(ctx)
		if err != nil {
			return nil, err
		}
		key, o.CertificateProvider = c.key, c
	}
	if s.root != nil && (s.key == nil || s.services.online()) {
		o.TrustedRoot = s.root.with(s.identity)
	}
	return sign.Bundle(content, key, o)
}

// GetCertificate implements sign.CertificateProvider.
func (c *certified) GetCertificate(context.Context, sign.Keypair, *sign.CertificateProviderOptions) ([]byte, error) {
	return c.der, nil
}

// spare is how long before its end a certificate is not used any more.
const spare = 30 * time.Second

// certified is a key with a certificate that holds for a while: the same for
// everything that is signed in that time.
func (s *Signer) certified(ctx context.Context) (*certified, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil && time.Until(s.now.until) > 0 {
		return s.now, nil
	}
	pair, err := ephemeral()
	if err != nil {
		return nil, err
	}
	token, err := s.token(ctx)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	der, err := s.services.certificates(ctx).GetCertificate(ctx, pair, &sign.CertificateProviderOptions{IDToken: token})
	if err != nil {
		return nil, fmt.Errorf("asking for a certificate: %w", withoutToken(err, token))
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	// The clock here may be off. What counts is how long the certificate lasts.
	s.now = &certified{pair, der, start.Add(cert.NotAfter.Sub(cert.NotBefore) - spare)}
	return s.now, nil
}

// withoutToken is an error that does not give a token away.
func withoutToken(err error, token string) error {
	if token != "" && bytes.Contains([]byte(err.Error()), []byte(token)) {
		return errors.New("the authority's answer cannot be shown, as it repeats the token")
	}
	return err
}

func ephemeral() (*keypair, error) {
	sv, _, err := signature.NewDefaultECDSASignerVerifier()
	if err != nil {
		return nil, err
	}
	return newKeypair(sv)
}

// keypair is any of sigstore's signers as sigstore-go wants one.
type keypair struct {
	sv      signature.SignerVerifier
	public  crypto.PublicKey
	details signature.AlgorithmDetails
}

func newKeypair(sv signature.SignerVerifier) (*keypair, error) {
	public, err := sv.PublicKey()
	if err != nil {
		return nil, err
	}
	details, err := signature.GetDefaultAlgorithmDetails(public)
	if err != nil {
		return nil, err
	}
	return &keypair{sv, public, details}, nil
}

// GetHashAlgorithm implements sign.Keypair, as do the others below.
func (k *keypair) GetHashAlgorithm() protocommon.HashAlgorithm { return k.details.GetProtoHashType() }

// GetSigningAlgorithm names key and hash.
func (k *keypair) GetSigningAlgorithm() protocommon.PublicKeyDetails {
	return k.details.GetSignatureAlgorithm()
}

// GetHint is the key's fingerprint, as cosign writes it.
func (k *keypair) GetHint() []byte {
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(der)
	return []byte(base64.StdEncoding.EncodeToString(sum[:]))
}

// GetKeyAlgorithm is the word that an authority knows the algorithm by.
func (k *keypair) GetKeyAlgorithm() string {
	switch k.public.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case ed25519.PublicKey:
		return "ED25519"
	}
	return "ECDSA"
}

// GetPublicKey is the public half.
func (k *keypair) GetPublicKey() crypto.PublicKey { return k.public }

// GetPublicKeyPem is the public half as PEM.
func (k *keypair) GetPublicKeyPem() (string, error) {
	pem, err := cryptoutils.MarshalPublicKeyToPEM(k.public)
	return string(pem), err
}

// SignData signs data and gives its digest beside the signature.
func (k *keypair) SignData(ctx context.Context, data []byte) (sig, digest []byte, err error) {
	sig, err = k.sv.SignMessage(bytes.NewReader(data), signatureoptions.WithContext(ctx))
	if err != nil {
		return nil, nil, err
	}
	if h := k.details.GetHashType(); h != crypto.Hash(0) {
		sum := h.New()
		sum.Write(data)
		return sig, sum.Sum(nil), nil
	}
	return sig, data, nil
}
