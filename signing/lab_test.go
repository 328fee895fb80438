package signing_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/whittle-oci/whittle/signing"
)

// TestLab signs and verifies with a Sigstore that runs: the real authority,
// logs of both versions, a timestamp authority and a certificate transparency
// log. WHITTLE_SIGSTORE names a directory with its trusted_root.json, a
// signing_config.NAME.json for each log, the identity's email in identity, its
// issuer in issuer, and in mint an address that answers with a token for it.
func TestLab(t *testing.T) {
	dir := os.Getenv("WHITTLE_SIGSTORE")
	if dir == "" {
		t.Skip("runs in make interop SIGSTORE=DIR, with a Sigstore that runs")
	}
	read := func(file string) []byte {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	word := func(name string) string { return strings.TrimSpace(string(read(filepath.Join(dir, name)))) }
	root, err := signing.ParseTrustedRoot("trusted_root.json", read(filepath.Join(dir, "trusted_root.json")))
	if err != nil {
		t.Fatal(err)
	}
	mint := func(ctx context.Context) (string, error) {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, word("mint"), nil)
		if err != nil {
			return "", err
		}
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		return strings.TrimSpace(string(raw)), err
	}
	configs, err := filepath.Glob(filepath.Join(dir, "signing_config.*.json"))
	if err != nil || len(configs) == 0 {
		t.Fatalf("no signing configuration: %v", err)
	}
	id, err := signing.CertificateIdentity(signing.Name{Text: word("identity")}, signing.Name{Text: word("issuer")}, root, signing.Demands{Log: signing.Required, CT: signing.Required})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range configs {
		t.Run(filepath.Base(file), func(t *testing.T) {
			config, err := signing.ParseServices(file, read(file), nil)
			if err != nil {
				t.Fatal(err)
			}
			signer, err := signing.NewKeyless(config, root, mint)
			if err != nil {
				t.Fatal(err)
			}
			index, platform := push(t, serve(t, true, nil)+"/app")
			began := time.Now()
			if _, err := signing.SignAndAttest(t.Context(), open(t, index), signing.Options{Signer: signer}, signing.Statements{Attached: true}); err != nil {
				t.Fatal(err)
			}
			t.Logf("an index of two platforms with three statements each: eleven signatures in %s", time.Since(began).Round(time.Millisecond))
			got, err := verify(t.Context(), t, index, signing.Policy{Signers: signing.AnyOf(id), Attestations: kinds(signing.SPDXPredicate, provenance, contents)})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("signed by %+v", got.SignedBy)
			labCosign(t, dir, config.Whole(), index, platform)
		})
	}
}

// labCosign has the real cosign verify the same, where it is there.
func labCosign(t *testing.T, dir string, first bool, index, platform name.Digest) {
	t.Helper()
	if os.Getenv("WHITTLE_E2E") != "ci" {
		return
	}
	identity := []string{"--trusted-root", filepath.Join(dir, "trusted_root.json")}
	for flag, file := range map[string]string{"--certificate-identity": "identity", "--certificate-oidc-issuer": "issuer"} {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		identity = append(identity, flag, strings.TrimSpace(string(raw)))
	}
	if !first {
		identity = append(identity, "--use-signed-timestamps")
	}
	home := t.TempDir()
	cosign := cosignTool(t)
	for _, args := range [][]string{
		{"verify", index.Name()}, {"verify", platform.Name()},
		{"verify-attestation", "--type", signing.SPDXPredicate, platform.Name()},
	} {
		runCosign(t, cosign, home, nil, append(args, identity...)...)
	}
	t.Log("cosign verifies it, too")
}
