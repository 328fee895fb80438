package signing_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/signing"
)

// vault is HashiCorp Vault's transit engine, as far as signing asks it (Vault
// API documentation, "Transit secrets engine").
type vault struct {
	key    *ecdsa.PrivateKey
	sealed bool
	tokens []string
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.tokens = append(v.tokens, r.Header.Get("X-Vault-Token"))
	answer := func(data any) { _ = json.NewEncoder(w).Encode(map[string]any{"data": data}) }
	switch {
	case v.sealed:
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"errors":["Vault is sealed"]}`)
	case r.Header.Get("X-Vault-Token") != "root":
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"errors":["permission denied"]}`)
	case strings.HasPrefix(r.URL.Path, "/v1/transit/keys/shop"):
		der, err := x509.MarshalPKIXPublicKey(v.key.Public())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		answer(map[string]any{"type": "ecdsa-p256", "latest_version": 1, "keys": map[string]any{"1": map[string]any{"public_key": public, "name": "P-256"}}})
	case strings.HasPrefix(r.URL.Path, "/v1/transit/sign/shop"):
		var q struct{ Input []byte }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		sig, err := v.key.Sign(rand.Reader, q.Input, crypto.SHA256)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(map[string]any{"signature": "vault:v1:" + base64.StdEncoding.EncodeToString(sig)})
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[]}`)
	}
}

// TestVault signs with a key that never leaves a service, in both formats.
func TestVault(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v := &vault{key: key}
	server := httptest.NewServer(v)
	defer server.Close()
	t.Setenv("VAULT_ADDR", server.URL)
	t.Setenv("VAULT_TOKEN", "root")
	t.Setenv("VAULT_MAX_RETRIES", "0")
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		k, err := signing.OpenKMS(t.Context(), "hashivault://shop")
		if err != nil {
			t.Fatal(err)
		}
		index := pushOne(t)
		if res := sign(t, index, signing.Options{Signer: k, Format: format}); res.Kept != 0 {
			t.Errorf("%s: %+v", format, res)
		}
		if res := sign(t, index, signing.Options{Signer: k, Format: format}); res.Kept != 5 {
			t.Errorf("%s: again: %+v", format, res)
		}
		if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, k.PublicPEM())}); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
	for label, c := range map[string]struct {
		ref, token string
		sealed     bool
		says       string
	}{
		"no such key": {"hashivault://other", "root", false, "the key hashivault://other"},
		"no right":    {"hashivault://shop", "hush", false, "permission denied"},
		"sealed":      {"hashivault://shop", "root", true, "sealed"},
		"no plugin":   {"nosuchkms://shop", "root", false, "no kms provider found"},
	} {
		t.Setenv("VAULT_TOKEN", c.token)
		v.sealed = c.sealed
		k, err := signing.OpenKMS(t.Context(), c.ref)
		if err == nil {
			_, err = signing.Sign(t.Context(), open(t, pushOne(t)), signing.Options{Signer: k})
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", label, err)
		}
	}
	t.Setenv("VAULT_ADDR", "http://vault.example.test:8200")
	if _, err := signing.OpenKMS(t.Context(), "hashivault://shop"); err == nil || !strings.Contains(err.Error(), "without TLS") {
		t.Errorf("a token over plain HTTP: %v", err)
	}
	for s, want := range map[string]bool{"hashivault://k": true, "awskms://x/y": true, "env://K": false, "file://k": false, "k.pub": false, "://x": false, "a://": false, "./a://b": false} {
		if signing.IsKMS(s) != want {
			t.Errorf("IsKMS(%q) is %v", s, !want)
		}
	}
}
