package cli_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/cmd/whittle/internal/cli"
)

// A file that another extends by URL is what it is pinned to, and is fetched
// once.
func TestExtendsURL(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	base := "lint: {ignore: [untagged-base, missing-user]}\n"
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path == "/gone" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(base))
	}))
	defer server.Close()
	address := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)

	lint := func(reference string) (int, string) {
		t.Helper()
		dir := t.TempDir()
		for name, text := range map[string]string{"Dockerfile": "FROM example\n", ".whittle.yaml": "lint:\n  root: true\n  extends: " + reference + "\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out, errs strings.Builder
		code := cli.Main(t.Context(), []string{"lint", dir}, cli.IO{In: strings.NewReader(""), Out: &out, Err: &errs})
		return code, out.String() + errs.String()
	}
	digest := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "#sha256:" + hex.EncodeToString(sum[:])
	}

	for range 2 {
		if code, out := lint(address + "/base.yaml" + digest(base)); code != cli.OK {
			t.Errorf("exit code %d: %s", code, out)
		}
	}
	if asked != 1 {
		t.Errorf("the server was asked %d times", asked)
	}
	for reference, want := range map[string]struct {
		code int
		text string
	}{
		address + "/base.yaml" + digest("other"): {cli.Usage, "is not what it is pinned to: its digest is " + digest(base)[1:]},
		address + "/gone" + digest("gone"):       {cli.Failed, "the server answers 404"},
	} {
		if code, out := lint(reference); code != want.code || !strings.Contains(out, want.text) {
			t.Errorf("%s: exit code %d, want %d: %s", reference, code, want.code, out)
		}
	}
	// What a file from the network extends is on the network too.
	base = "lint: {extends: x.yaml}\n"
	if code, out := lint(address + "/base.yaml" + digest(base)); code != cli.Usage || !strings.Contains(out, "names no path of this machine") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
