package signing

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A Key signs.
type Key struct {
	signerOf
	public  []byte
	warning string
}

// PublicPEM is the public half as cosign writes it.
func (k *Key) PublicPEM() []byte { return k.public }

// Warning says what the key's kind costs, or "".
func (k *Key) Warning() string { return k.warning }

// Logged is the key as a signer whose signatures go into logs and get
// timestamps. root, which may be nil, verifies them before they go anywhere.
func (k *Key) Logged(s Services, root *TrustedRoot) (Signer, error) {
	out, err := k.Signer.With(s, root)
	if err != nil {
		return nil, err
	}
	return signerOf{out}, nil
}

// newKey is a signer of which the public half is known. name is for messages.
func newKey(name string, s *cosign.Signer) (*Key, error) {
	public, err := s.PublicPEM()
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", name, err)
	}
	return &Key{signerOf{s}, public, warning(s.Algorithm())}, nil
}

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
	return ParseKey(file, data, password)
}

// ReadKey is LoadKey for a key that is read from a stream, of which no more is
// read than a key may have. name is what the stream is called.
func ReadKey(name string, r io.Reader, password func() ([]byte, error)) (*Key, error) {
	data, err := readCapped(r, maxKey)
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", name, err)
	}
	return ParseKey(name, data, password)
}

// ParseKey is LoadKey for the content of a file. name is what it is called.
func ParseKey(name string, data []byte, password func() ([]byte, error)) (*Key, error) {
	switch cosign.KindOf(data) {
	case cosign.NoKey:
		return nil, fmt.Errorf("%s is not a key file as cosign writes it", name)
	case cosign.Public:
		return nil, fmt.Errorf("%s is a public key; signing needs the private one", name)
	case cosign.Plain:
		return nil, fmt.Errorf("%s is not encrypted; cosign import-key-pair --key %s encrypts it", name, name)
	}
	pass, err := password()
	if err != nil {
		return nil, err
	}
	s, err := cosign.LoadSigner(data, pass)
	if err != nil {
		if strings.HasPrefix(err.Error(), "decrypt: ") {
			return nil, fmt.Errorf("the key %s: %w", name, ErrPassword)
		}
		return nil, fmt.Errorf("reading the key %s: %w", name, err)
	}
	return newKey(name, s)
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

// LoadPublicKey reads a public key file, for KeyIdentity.
func LoadPublicKey(file string) ([]byte, error) {
	data, err := readKey(file)
	if err != nil {
		return nil, err
	}
	return ParsePublicKey(file, data)
}

// ParsePublicKey is LoadPublicKey for the content of a file. name is what it is
// called.
func ParsePublicKey(name string, data []byte) ([]byte, error) {
	switch cosign.KindOf(data) {
	case cosign.Encrypted, cosign.Plain:
		return nil, fmt.Errorf("%s is a private key; verifying needs the public one", name)
	case cosign.NoKey:
		return nil, fmt.Errorf("%s is not a public key in PEM", name)
	}
	if _, err := cosign.LoadKey(data); err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", name, err)
	}
	return data, nil
}
