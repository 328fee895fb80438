// Package cosign is the only door to cosign's and sigstore's libraries: keys,
// certificates, envelopes, bundles, and signatures in cosign's older format. It
// decides nothing.
package cosign

import (
	"encoding/pem"
	"fmt"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
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

// LoadSigner decrypts a private key.
func LoadSigner(file, password []byte) (*Signer, error) {
	sv, err := cosign.LoadPrivateKey(file, password, nil)
	if err != nil {
		return nil, err
	}
	return newSigner(sv)
}
