// Package cosign is the only door to cosign's and sigstore's libraries: keys,
// envelopes, bundles, and signatures in cosign's older format. It decides
// nothing.
package cosign

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/dsse"
	signatureoptions "github.com/sigstore/sigstore/pkg/signature/options"
)

// Generate makes a P-256 key pair in cosign's file format: an encrypted
// private key and a public key, both PEM.
func Generate(password []byte) (private, public []byte, err error) {
	keys, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return password, nil })
	if err != nil {
		return nil, nil, fmt.Errorf("generating a key pair: %w", err)
	}
	return keys.PrivateBytes, keys.PublicBytes, nil
}

// Kind is what a key file holds.
type Kind int

// The kinds of key files.
const (
	NoKey     Kind = iota // not PEM, or something else in PEM
	Encrypted             // a private key as cosign keeps it
	Plain                 // a private key that anyone who has the file can use
	Public
)

// KindOf looks at a key file's PEM header and at nothing else.
func KindOf(file []byte) Kind {
	p, _ := pem.Decode(file)
	if p == nil {
		return NoKey
	}
	switch p.Type {
	case cosign.CosignPrivateKeyPemType, cosign.SigstorePrivateKeyPemType:
		return Encrypted
	case cosign.RSAPrivateKeyPemType, cosign.ECPrivateKeyPemType, cosign.PrivateKeyPemType:
		return Plain
	case string(cryptoutils.PublicKeyPEMType), string(cryptoutils.PKCS1PublicKeyPEMType):
		return Public
	}
	return NoKey
}

// A Signer is a private key.
type Signer struct{ sv signature.SignerVerifier }

// LoadSigner decrypts a private key.
func LoadSigner(file, password []byte) (*Signer, error) {
	sv, err := cosign.LoadPrivateKey(file, password, nil)
	if err != nil {
		return nil, err
	}
	return &Signer{sv}, nil
}

// PublicPEM is the key's other half as a file.
func (s *Signer) PublicPEM() ([]byte, error) {
	pub, err := s.sv.PublicKey()
	if err != nil {
		return nil, err
	}
	return cryptoutils.MarshalPublicKeyToPEM(pub)
}

// Algorithm names the key's algorithm: "ECDSA P-256", "RSA 4096", "Ed25519".
func (s *Signer) Algorithm() string {
	pub, err := s.sv.PublicKey()
	if err != nil {
		return "unknown"
	}
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", pub)
}

// Envelope signs an in-toto statement as a DSSE envelope
// (github.com/secure-systems-lab/dsse).
func (s *Signer) Envelope(ctx context.Context, statement []byte) ([]byte, error) {
	env, err := dsse.WrapSigner(s.sv, types.IntotoPayloadType).SignMessage(bytes.NewReader(statement), signatureoptions.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return env, nil
}

// Bundle signs a statement as a Sigstore bundle, version 0.3
// (github.com/sigstore/protobuf-specs), without a transparency log.
func (s *Signer) Bundle(ctx context.Context, statement []byte) ([]byte, error) {
	env, err := s.Envelope(ctx, statement)
	if err != nil {
		return nil, err
	}
	pub, err := s.sv.PublicKey()
	if err != nil {
		return nil, err
	}
	b, err := bundle.MakeNewBundle(pub, nil, statement, env, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("making the bundle: %w", err)
	}
	return b, nil
}

// Payload signs bytes as they are, for cosign's older signature format, and
// returns the signature in base64.
func (s *Signer) Payload(ctx context.Context, payload []byte) (string, error) {
	sig, err := s.sv.SignMessage(bytes.NewReader(payload), signatureoptions.WithContext(ctx))
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sig), nil
}

// A Verifier is a public key.
type Verifier struct{ v signature.Verifier }

// LoadVerifier reads a public key.
func LoadVerifier(file []byte) (*Verifier, error) {
	pub, err := cryptoutils.UnmarshalPEMToPublicKey(file)
	if err != nil {
		return nil, err
	}
	v, err := signature.LoadDefaultVerifier(pub, *cosign.GetDefaultLoadOptions(nil)...)
	if err != nil {
		return nil, err
	}
	return &Verifier{v}, nil
}

// Payload checks the base64 signature of bytes.
func (v *Verifier) Payload(payload []byte, sig string) error {
	raw, err := base64.StdEncoding.DecodeString(sig)
	if err != nil {
		return fmt.Errorf("the signature is not base64: %w", err)
	}
	return v.v.VerifySignature(bytes.NewReader(raw), bytes.NewReader(payload))
}

// Envelope checks that one of the envelope's signatures is by this key.
func (v *Verifier) Envelope(e *Envelope) error {
	err := errors.New("the envelope has no signature")
	signed := e.encoding()
	for _, sig := range e.Signatures {
		if err = v.v.VerifySignature(bytes.NewReader(sig), bytes.NewReader(signed)); err == nil {
			return nil
		}
	}
	return err
}
