// Package cosign is the only door to cosign's and sigstore's libraries: keys,
// envelopes, bundles, and where they are kept in a registry. It decides
// nothing.
package cosign

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
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

// A Signer is a private key.
type Signer struct{ sv signature.SignerVerifier }

// LoadSigner decrypts a private key.
func LoadSigner(pem, password []byte) (*Signer, error) {
	sv, err := cosign.LoadPrivateKey(pem, password, nil)
	if err != nil {
		return nil, err
	}
	return &Signer{sv}, nil
}

// Public is the key's other half.
func (s *Signer) Public() (crypto.PublicKey, error) { return s.sv.PublicKey() }

// PublicPEM is the key's other half as a file.
func (s *Signer) PublicPEM() ([]byte, error) {
	pub, err := s.sv.PublicKey()
	if err != nil {
		return nil, err
	}
	return cryptoutils.MarshalPublicKeyToPEM(pub)
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
func LoadVerifier(pem []byte) (*Verifier, error) {
	pub, err := cryptoutils.UnmarshalPEMToPublicKey(pem)
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

// Envelope checks the signature of a DSSE envelope.
func (v *Verifier) Envelope(env []byte) error {
	return dsse.WrapVerifier(v.v).VerifySignature(bytes.NewReader(env), nil)
}
