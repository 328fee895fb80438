package signing_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/signing"
)

// issuer gives tokens to devices once someone has entered their code (RFC 8628).
func issuer(t *testing.T, answers ...string) *httptest.Server {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	var server *httptest.Server
	asked := 0
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			answer = map[string]any{
				"issuer": server.URL, "authorization_endpoint": server.URL + "/auth", "token_endpoint": server.URL + "/token", "jwks_uri": server.URL + "/keys",
				"device_authorization_endpoint": server.URL + "/device", "code_challenge_methods_supported": []string{"S256"},
				"id_token_signing_alg_values_supported": []string{"RS256"},
			}
		case "/keys":
			answer = map[string]any{"keys": []any{map[string]any{
				"kty": "RSA", "kid": "k", "alg": "RS256", "use": "sig", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
				"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
			}}}
		case "/device":
			answer = map[string]any{"device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": server.URL + "/enter", "interval": 0, "expires_in": 300}
		case "/token":
			word := answers[min(asked, len(answers)-1)]
			asked++
			if word != "token" {
				answer = map[string]any{"error": word}
				break
			}
			signed := encode(map[string]any{"alg": "RS256", "kid": "k"}) + "." + encode(map[string]any{
				"iss": server.URL, "aud": "sigstore", "sub": "x", "email": signerMail, "email_verified": true, "exp": time.Now().Add(time.Hour).Unix(),
			})
			sum := sha256.Sum256([]byte(signed))
			sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
			if err != nil {
				t.Error(err)
			}
			answer = map[string]any{"id_token": signed + "." + base64.RawURLEncoding.EncodeToString(sig)}
		default:
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return server
}

// TestLogin enters a code on another device.
func TestLogin(t *testing.T) {
	for label, c := range map[string]struct {
		answers []string
		says    string
	}{
		"entered":       {[]string{"authorization_pending", "token"}, ""},
		"refused":       {[]string{"authorization_pending", "access_denied"}, "access_denied"},
		"never entered": {[]string{"authorization_pending"}, "deadline exceeded"},
	} {
		server := issuer(t, c.answers...)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		var said []string
		got, err := signing.Login(ctx, server.URL, false, func(s string) { said = append(said, s) })
		cancel()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", label, err)
		}
		if err == nil && (strings.Count(got, ".") != 2 || !strings.Contains(strings.Join(said, " "), "ABCD-EFGH")) {
			t.Errorf("%s: %q, said %q", label, got, said)
		}
	}
	if _, err := signing.Login(t.Context(), "http://127.0.0.1:1", false, func(string) {}); err == nil || !strings.Contains(err.Error(), "logging in with http://127.0.0.1:1") {
		t.Error(err)
	}
}
