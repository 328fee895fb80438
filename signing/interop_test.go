package signing_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/whittle-oci/whittle/signing"
)

// cosignTool is the real cosign, built by make ci.
func cosignTool(t *testing.T) string {
	t.Helper()
	if os.Getenv("WHITTLE_E2E") != "ci" {
		t.Skip("runs in make ci, with the cosign program")
	}
	file, err := filepath.Abs("../.tools/bin/cosign")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestCosignKeyless signs with an identity with each of the two programs, and
// verifies with the other, against the stack in memory.
func TestCosignKeyless(t *testing.T) {
	cosign := cosignTool(t)
	s, root := stack(t)
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	trusted := write("trusted_root.json", s.TrustedRoot(t))
	config := write("signing_config.json", s.SigningConfig(1))
	token := write("token", []byte(s.Token(signerMail)))
	predicate := write("predicate.json", []byte(`{"SPDXID":"SPDXRef-DOCUMENT","spdxVersion":"SPDX-2.3"}`))
	chain, ctKey, logKey := s.Files(t)
	run := func(t *testing.T, env []string, args ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), cosign, args...)
		c.Env = append([]string{"HOME=" + dir, "PATH=/nowhere", "TUF_ROOT=" + filepath.Join(dir, "tuf")}, env...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("cosign %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	older := []string{"SIGSTORE_ROOT_FILE=" + write("root.pem", chain), "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE=" + write("ct.pub", ctKey), "SIGSTORE_REKOR_PUBLIC_KEY=" + write("rekor.pub", logKey)}
	identity := []string{"--certificate-identity", signerMail, "--certificate-oidc-issuer", s.Issuer()}
	for _, c := range []struct {
		version int
		format  signing.Format
	}{{1, signing.Bundle}, {2, signing.Bundle}, {1, signing.Legacy}} {
		t.Run(fmt.Sprintf("ours, log version %d, %s", c.version, c.format), func(t *testing.T) {
			index, platform := push(t, serve(t, true, nil)+"/app")
			o := signing.Options{Signer: keyless(t, s, root, c.version, signerMail), Format: c.format}
			if _, err := signing.SignAndAttest(t.Context(), open(t, index), o, signing.Statements{Attached: true}); err != nil {
				t.Fatal(err)
			}
			env, args := older, identity
			if c.format == signing.Bundle {
				env, args = nil, append(identity, "--trusted-root", trusted)
			}
			if c.version == 2 {
				args = append(args, "--use-signed-timestamps")
			}
			for _, d := range []name.Digest{index, platform} {
				run(t, env, append([]string{"verify", d.Name()}, args...)...)
			}
			for _, kind := range []string{signing.SPDXPredicate, provenance, contents} {
				run(t, env, append([]string{"verify-attestation", "--type", kind, platform.Name()}, args...)...)
			}
		})
	}
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		t.Run("cosign's, "+string(format), func(t *testing.T) {
			index, platform := push(t, serve(t, true, nil)+"/app")
			services := []string{"--yes", "--identity-token", token}
			env := older
			if format == signing.Bundle {
				env = nil
				services = append(services, "--new-bundle-format", "--signing-config", config, "--trusted-root", trusted)
			} else {
				services = append(services, "--new-bundle-format=false", "--fulcio-url", s.URL+"/fulcio", "--rekor-url", s.URL+"/rekor1")
			}
			run(t, env, append([]string{"sign", index.Name()}, services...)...)
			run(t, env, append([]string{"attest", "--type", "spdxjson", "--predicate", predicate, platform.Name()}, services...)...)
			policy := signing.Policy{Signers: named(t, s, root, signerMail, signing.Demands{Log: signing.Required})}
			got, err := verify(t.Context(), t, index, policy)
			if err != nil {
				t.Fatal(err)
			}
			if got.Format != format || len(got.SignedBy[0].Logs) != 1 {
				t.Errorf("verified %+v", got)
			}
			docs, err := signing.Documents(t.Context(), open(t, platform), signing.SPDXPredicate, policy.Signers.Of...)
			if err != nil || len(docs) != 1 || !docs[0].Verified {
				t.Errorf("attested: %+v, %v", docs, err)
			}
		})
	}
}
