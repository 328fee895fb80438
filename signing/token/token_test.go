package token_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/signing/token"
)

// jwt is a token that ends in so long.
func jwt(in time.Duration) string {
	claims := fmt.Sprintf(`{"sub":"x","exp":%d}`, time.Now().Add(in).Unix())
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestAmbient(t *testing.T) {
	good := jwt(time.Hour)
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.RequestURI() + " " + r.Header.Get("Authorization")
		switch {
		case strings.HasPrefix(r.URL.Path, "/github"):
			fmt.Fprintf(w, `{"value":%q}`, good)
		case strings.HasSuffix(r.URL.Path, "/oidc/tokens"):
			fmt.Fprintf(w, `{"token":%q}`, good)
		default:
			http.Error(w, "no", http.StatusForbidden)
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "oidc-token")
	if err := os.WriteFile(file, []byte(good+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for label, c := range map[string]struct {
		env              map[string]string
		place            string
		from, asks, fail string
	}{
		"variable": {env: map[string]string{"SIGSTORE_ID_TOKEN": good, "CIRCLE_OIDC_TOKEN_V2": "x"}, from: "SIGSTORE_ID_TOKEN"},
		"GitHub": {
			env:  map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": server.URL + "/github?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "hush"},
			from: "GitHub Actions", asks: "GET /github?audience=sigstore&x=1 bearer hush",
		},
		"GitHub refuses": {
			env:  map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": server.URL + "/other", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "hush"},
			from: "GitHub Actions", fail: "asking GitHub Actions for an identity token: it answers 403 Forbidden",
		},
		"nobody listens": {
			env:  map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/hush", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "hush"},
			from: "GitHub Actions", fail: "connection refused",
		},
		"Buildkite": {
			env:  map[string]string{"BUILDKITE_AGENT_ENDPOINT": server.URL + "/v3", "BUILDKITE_JOB_ID": "7", "BUILDKITE_AGENT_ACCESS_TOKEN": "hush"},
			from: "Buildkite", asks: "POST /v3/jobs/7/oidc/tokens Token hush",
		},
		"CircleCI":         {env: map[string]string{"CIRCLE_OIDC_TOKEN_V2": good}, from: "CircleCI"},
		"file":             {place: file, from: file},
		"nothing":          {fail: "there is no identity token"},
		"run out":          {env: map[string]string{"SIGSTORE_ID_TOKEN": jwt(-4 * time.Hour)}, from: "SIGSTORE_ID_TOKEN", fail: "ran out at"},
		"the clock is off": {env: map[string]string{"SIGSTORE_ID_TOKEN": jwt(-2 * time.Hour)}, from: "SIGSTORE_ID_TOKEN"},
		"no token":         {env: map[string]string{"SIGSTORE_ID_TOKEN": "hush"}, from: "SIGSTORE_ID_TOKEN", fail: "holds no identity token"},
		"no claims":        {env: map[string]string{"SIGSTORE_ID_TOKEN": "a.hush.c"}, from: "SIGSTORE_ID_TOKEN", fail: "its second part is not JSON"},
	} {
		t.Run(label, func(t *testing.T) {
			asked = ""
			place := c.place
			if place == "" {
				place = filepath.Join(t.TempDir(), "none")
			}
			source, from, err := token.Env{Lookup: func(n string) (string, bool) { v, ok := c.env[n]; return v, ok }, Place: place}.Ambient()
			got := ""
			if err == nil {
				got, err = source(t.Context())
			}
			if from != c.from || (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) {
				t.Errorf("from %q: %v", from, err)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("a secret is in the error: %v", err)
			}
			if err == nil && strings.Count(got, ".") != 2 {
				t.Errorf("got %q", got)
			}
			if c.asks != "" && asked != c.asks {
				t.Errorf("asked %q", asked)
			}
		})
	}
}

// TestFile reads the token anew each time, and no more than a token can have.
func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	source := token.File(file)
	if _, err := source(t.Context()); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	for _, want := range []string{jwt(time.Hour), jwt(2 * time.Hour)} {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := source(t.Context()); err != nil || got != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := source(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
		t.Error(err)
	}
}
