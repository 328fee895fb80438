package signing_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/whittle-oci/whittle/signing"
)

func password(s string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(s), nil }
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	prefix := filepath.Join(dir, "k")
	if err := signing.GenerateKeys(prefix, []byte("right")); err != nil {
		t.Fatal(err)
	}
	for _, half := range []string{".key", ".pub"} {
		alone := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(alone+half, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := signing.GenerateKeys(alone, nil); err == nil || !strings.Contains(err.Error(), "exists already") {
			t.Errorf("a file was written over: %v", err)
		}
		if files, err := filepath.Glob(alone + ".*"); err != nil || len(files) != 1 {
			t.Errorf("half a pair was left: %v, %v", files, err)
		}
	}
	_, err := signing.LoadKey(prefix+".key", password("wrong-password"))
	if !errors.Is(err, signing.ErrPassword) || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("a wrong password: %v", err)
	}
	info, err := os.Stat(prefix + ".key")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the private key has mode %v, %v", info.Mode(), err)
	}
	if _, err := signing.Verify(t.Context(), signing.Image{}, signing.Policy{}); err == nil || !strings.Contains(err.Error(), "names no one") {
		t.Errorf("an empty policy: %v", err)
	}
	if _, err := signing.Sign(t.Context(), signing.Image{}, signing.Options{}); err == nil {
		t.Error("signing without a key")
	}
}

// TestGenerateTogether has several make the same pair at once, some of them
// where only one half is in the way.
func TestGenerateTogether(t *testing.T) {
	const makers = 6
	prefix := filepath.Join(t.TempDir(), "k")
	var made atomic.Int32
	var wg sync.WaitGroup
	for range makers {
		wg.Go(func() {
			err := signing.GenerateKeys(prefix, nil)
			if err == nil {
				made.Add(1)
			} else if !errors.As(err, new(*signing.ExistsError)) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d made the pair", made.Load())
	}
	key, err := signing.LoadKey(prefix+".key", password(""))
	if err != nil {
		t.Fatal(err)
	}
	if pub, err := os.ReadFile(prefix + ".pub"); err != nil || string(pub) != string(key.PublicPEM()) {
		t.Errorf("the halves are of two pairs: %v", err)
	}
	if files, err := filepath.Glob(prefix + "*"); err != nil || len(files) != 2 {
		t.Errorf("left: %v, %v", files, err)
	}
	// A link that leads nowhere is in the way, too, and is not written through.
	link := filepath.Join(t.TempDir(), "k")
	if err := os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), link+".pub"); err != nil {
		t.Fatal(err)
	}
	if err := signing.GenerateKeys(link, nil); !errors.As(err, new(*signing.ExistsError)) {
		t.Errorf("through a link: %v", err)
	}
	if _, err := os.Lstat(link + ".key"); err == nil {
		t.Error("half a pair was left")
	}
	if err := signing.GenerateKeys(filepath.Join(t.TempDir(), "none", "k"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
}

// TestEmptyPassword makes and opens a key without a password, as CI does.
func TestEmptyPassword(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "k")
	if err := signing.GenerateKeys(prefix, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := signing.LoadKey(prefix+".key", password("")); err != nil {
		t.Error(err)
	}
}

// encryptedKey writes a key file as cosign import-key-pair does.
func encryptedKey(t *testing.T, key crypto.Signer) (file string, public []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	box, err := encrypted.Encrypt(der, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "imported.key")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: box}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub})
}

// TestOtherKinds signs and verifies with keys that cosign imports, and warns
// of those that it will not verify.
func TestOtherKinds(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for label, c := range map[string]struct {
		key     crypto.Signer
		warning string
	}{
		"P-256":   {p256, ""},
		"RSA":     {rsaKey, ""},
		"P-384":   {p384, "sha384"},
		"P-521":   {p521, "sha512"},
		"Ed25519": {ed, "cosign does not"},
	} {
		for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
			file, pub := encryptedKey(t, c.key)
			key, err := signing.LoadKey(file, password("secret"))
			if err != nil {
				t.Fatalf("%s: %v", label, err)
			}
			if w := key.Warning(); (w == "") != (c.warning == "") || !strings.Contains(w, c.warning) {
				t.Errorf("%s: warning %q", label, w)
			}
			index, _ := push(t, serve(t, true, nil)+"/app")
			sign(t, index, signing.Options{Signer: key, Format: format})
			if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)}); err != nil {
				t.Errorf("%s, %s: %v", label, format, err)
			}
		}
	}
}

// TestWrongFiles names what is wrong with a file, and never its content.
func TestWrongFiles(t *testing.T) {
	private, public := keyFiles(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	block := func(kind string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("hush")}))
	}
	for _, c := range []struct{ file, want string }{
		{public, "is a public key"},
		{write("text", "hush"), "is not a key file"},
		{write("plain", block("EC PRIVATE KEY")), "is not encrypted"},
		{write("box", block("ENCRYPTED SIGSTORE PRIVATE KEY")), ""},
		{write("long", strings.Repeat("hush", 1<<20)), "more than the limit"},
		{filepath.Join(dir, "none"), "no such file"},
	} {
		_, err := signing.LoadKey(c.file, password("secret"))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", filepath.Base(c.file), err)
		}
	}
	if _, err := signing.LoadPublicKey(private); err == nil || !strings.Contains(err.Error(), "is a private key") {
		t.Errorf("a private key to verify with: %v", err)
	}
	if _, err := signing.LoadPublicKey(write("pub", block("PUBLIC KEY"))); err == nil {
		t.Error("a public key of nothing")
	}
}
