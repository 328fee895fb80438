// Package signing signs and attests images with keys, in the formats that
// cosign reads, and verifies what it and cosign have signed.
//
// Everything is about digests: a tag is resolved once and never signed.
package signing

import (
	"errors"
	"fmt"
	"os"

	"github.com/google/renameio/v2"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A Key signs.
type Key struct{ signer *cosign.Signer }

// GenerateKeys makes a P-256 key pair and writes PREFIX.key, encrypted with
// the password, and PREFIX.pub, as cosign generate-key-pair does. Files that
// are there are an error.
func GenerateKeys(prefix string, password []byte) error {
	private, public, err := cosign.Generate(password)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
		mode os.FileMode
	}{{prefix + ".key", private, 0o600}, {prefix + ".pub", public, 0o644}} {
		if _, err := os.Lstat(f.name); err == nil {
			return fmt.Errorf("%s exists already; a key is not written over", f.name)
		}
		if err := renameio.WriteFile(f.name, f.data, f.mode); err != nil {
			return fmt.Errorf("writing %s: %w", f.name, err)
		}
	}
	return nil
}

// ErrPassword says that a key could not be decrypted.
var ErrPassword = errors.New("the password does not open the key")

// LoadKey reads and decrypts a private key file. password is only asked when
// the file is there. What is wrong with a key is said without its content.
func LoadKey(file string, password func() ([]byte, error)) (*Key, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	pass, err := password()
	if err != nil {
		return nil, err
	}
	signer, err := cosign.LoadSigner(pem, pass)
	if err != nil {
		return nil, fmt.Errorf("the key %s: %w (%w)", file, ErrPassword, err)
	}
	return &Key{signer}, nil
}

// PublicPEM is the public half as cosign writes it.
func (k *Key) PublicPEM() ([]byte, error) { return k.signer.PublicPEM() }
