package signing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A signer signs statements and payloads: today a key, later an identity.
type signer interface {
	Envelope(ctx context.Context, statement []byte) ([]byte, error)
	Bundle(ctx context.Context, statement []byte) ([]byte, error)
	Payload(ctx context.Context, payload []byte) (string, error)
}

// A Key signs.
type Key struct {
	signer
	verifier *cosign.Verifier // of its own signatures
	public   []byte
	warning  string
}

// PublicPEM is the public half as cosign writes it.
func (k *Key) PublicPEM() []byte { return k.public }

// Warning says what the key's kind costs, or "".
func (k *Key) Warning() string { return k.warning }

// An ExistsError is a file that would have to be written over.
type ExistsError struct{ File string }

// Error names the file.
func (e *ExistsError) Error() string {
	return e.File + " exists already; a key is not written over"
}

// GenerateKeys makes a P-256 key pair and writes PREFIX.key, encrypted with
// the password, and PREFIX.pub, as cosign generate-key-pair does. Where one of
// the two is there, it is an *ExistsError, and neither is written: of several
// that write at once, one writes both files.
func GenerateKeys(prefix string, password []byte) error {
	private, public, err := cosign.Generate(password)
	if err != nil {
		return err
	}
	if err := create(prefix+".key", private, 0o600); err != nil {
		return err
	}
	if err := create(prefix+".pub", public, 0o644); err != nil {
		return errors.Join(err, os.Remove(prefix+".key")) // ours: no one else could create it
	}
	return nil
}

// create writes a file that must not be there, links included, whole or not at
// all.
func create(file string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{file}
	}
	if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing the key: %w", err), os.Remove(file))
	}
	return nil
}

// maxKey is the largest key file that is read, in bytes.
const maxKey = 64 << 10

// ErrPassword says that a key could not be decrypted.
var ErrPassword = errors.New("the password does not open the key")

// LoadKey reads and decrypts a private key file. password is only asked for a
// key that is encrypted. What is wrong with a key is said without its content.
func LoadKey(file string, password func() ([]byte, error)) (*Key, error) {
	data, err := readKey(file)
	if err != nil {
		return nil, err
	}
	switch cosign.KindOf(data) {
	case cosign.NoKey:
		return nil, fmt.Errorf("%s is not a key file as cosign writes it", file)
	case cosign.Public:
		return nil, fmt.Errorf("%s is a public key; signing needs the private one", file)
	case cosign.Plain:
		return nil, fmt.Errorf("%s is not encrypted; cosign import-key-pair --key %s encrypts it", file, file)
	}
	pass, err := password()
	if err != nil {
		return nil, err
	}
	s, err := cosign.LoadSigner(data, pass)
	if err != nil {
		if strings.HasPrefix(err.Error(), "decrypt: ") {
			return nil, fmt.Errorf("the key %s: %w", file, ErrPassword)
		}
		return nil, fmt.Errorf("reading the key %s: %w", file, err)
	}
	public, err := s.PublicPEM()
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", file, err)
	}
	verifier, err := cosign.LoadVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", file, err)
	}
	return &Key{s, verifier, public, warning(s.Algorithm())}, nil
}

func readKey(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	defer f.Close()
	data, err := readCapped(f, maxKey)
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", file, err)
	}
	return data, nil
}

// warning says which verifiers a kind of key shuts out (tried with cosign
// 2.6.5 and 3.1.3).
func warning(algorithm string) string {
	switch {
	case algorithm == "ECDSA P-256", strings.HasPrefix(algorithm, "RSA "):
		return ""
	case algorithm == "ECDSA P-384":
		return "an ECDSA P-384 key: cosign verifies its signatures only with --signature-digest-algorithm sha384"
	case algorithm == "ECDSA P-521":
		return "an ECDSA P-521 key: cosign verifies its signatures only with --signature-digest-algorithm sha512"
	}
	return "a key of the kind " + algorithm + ": whittle verifies its signatures, cosign does not; whittle keygen makes one that both do"
}

// LoadPublicKey reads a public key file, for Policy.Keys.
func LoadPublicKey(file string) ([]byte, error) {
	data, err := readKey(file)
	if err != nil {
		return nil, err
	}
	switch cosign.KindOf(data) {
	case cosign.Encrypted, cosign.Plain:
		return nil, fmt.Errorf("%s is a private key; verifying needs the public one", file)
	case cosign.NoKey:
		return nil, fmt.Errorf("%s is not a public key in PEM", file)
	}
	if _, err := cosign.LoadVerifier(data); err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", file, err)
	}
	return data, nil
}
