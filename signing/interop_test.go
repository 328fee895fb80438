package signing_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// runCosign runs it away from this machine's files.
func runCosign(t *testing.T, cosign, home string, env []string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), cosign, args...)
	c.Env = append([]string{"HOME=" + home, "PATH=/nowhere", "TUF_ROOT=" + filepath.Join(home, "tuf")}, env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("cosign %s: %v\n%s", strings.Join(args, " "), err, out)
	}
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
	run := func(t *testing.T, env []string, args ...string) { runCosign(t, cosign, dir, env, args...) }
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

// The bars of BenchmarkCosign: our two processes beside cosign's five.
const (
	maxWall   = 0.35
	maxMemory = 0.5
)

// BenchmarkCosign signs an image, attests two statements and verifies all of it
// with a key on disk: ours in one call and one more, cosign's in five. The sides
// run in turn and the best of each counts.
func BenchmarkCosign(b *testing.B) {
	cosign, whittle := tool(b, "../.tools/bin/cosign"), tool(b, "../bin/whittle")
	private, public := keyFiles(b)
	dir := b.TempDir()
	predicate := filepath.Join(dir, "predicate.json")
	if err := os.WriteFile(predicate, []byte(`{"SPDXID":"SPDXRef-DOCUMENT","spdxVersion":"SPDX-2.3"}`), 0o600); err != nil {
		b.Fatal(err)
	}
	const other = "https://example.test/scan"
	run := func(bin string, args ...string) (time.Duration, int64) {
		b.Helper()
		c := exec.CommandContext(b.Context(), bin, args...)
		c.Env = []string{"HOME=" + dir, "COSIGN_PASSWORD=secret", "PATH=/nowhere", "TUF_ROOT=" + dir}
		began := time.Now()
		out, err := c.CombinedOutput()
		if err != nil {
			b.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return time.Since(began), peakOf(c.ProcessState)
	}
	// A key's password takes 64 MiB to check, in either program: what differs
	// is how often that is done, so that the processes' peaks are added.
	all := func(calls [][]string, bin string) (wall time.Duration, memory int64) {
		for _, args := range calls {
			d, m := run(bin, args...)
			wall, memory = wall+d, memory+m
		}
		return wall, memory
	}
	var mine, their time.Duration
	var mineMemory, theirMemory int64
	const rounds = 5
	for n := 0; n < rounds || n < 3*rounds && float64(mine) > maxWall*float64(their); n++ {
		image := single(b, serve(b, true, nil)+"/app").Name()
		m, memory := all([][]string{
			{"sign", "--quiet", "--key", private, "--attest=spdx=" + predicate, "--attest=" + other + "=" + predicate, image},
			{"verify", "--quiet", "--key", public, "--attestation", "spdx," + other, image},
		}, whittle)
		image = single(b, serve(b, true, nil)+"/app").Name()
		sign := []string{"--yes", "--key", private, "--tlog-upload=false", image}
		check := []string{"--key", public, "--insecure-ignore-tlog=true", image}
		o, used := all([][]string{
			append([]string{"sign"}, sign...),
			append([]string{"attest", "--type", "spdxjson", "--predicate", predicate}, sign...),
			append([]string{"attest", "--type", other, "--predicate", predicate}, sign...),
			append([]string{"verify"}, check...),
			append([]string{"verify-attestation", "--type", "spdxjson"}, check...),
		}, cosign)
		if n == 0 {
			mine, their, mineMemory, theirMemory = m, o, memory, used
		}
		mine, their, mineMemory, theirMemory = min(mine, m), min(their, o), min(mineMemory, memory), min(theirMemory, used)
	}
	wall, memory := float64(mine)/float64(their), float64(mineMemory)/float64(theirMemory)
	b.ReportMetric(wall, "wall-ratio")
	b.ReportMetric(memory, "memory-ratio")
	b.Logf("wall %d ms / %d ms, memory %d MiB / %d MiB", mine.Milliseconds(), their.Milliseconds(), mineMemory>>20, theirMemory>>20)
	if wall > maxWall || memory > maxMemory {
		b.Errorf("over a bar: wall %.2f of %.2f, memory %.2f of %.2f", wall, maxWall, memory, maxMemory)
	}
}

func tool(b *testing.B, file string) string {
	b.Helper()
	file, err := filepath.Abs(file)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		b.Skip("needs the programs: make build .tools/bin/cosign")
	}
	return file
}

// TestCosignOffline verifies a layout that an identity signed where there is no
// network at all: nothing is dialled for roots, logs or keys.
func TestCosignOffline(t *testing.T) {
	cosignTool(t) // where programs are built
	whittle, err := filepath.Abs("../bin/whittle")
	if err != nil {
		t.Fatal(err)
	}
	s, root := stack(t)
	dir := t.TempDir()
	trusted := filepath.Join(dir, "trusted_root.json")
	if err := os.WriteFile(trusted, s.TrustedRoot(t), 0o600); err != nil {
		t.Fatal(err)
	}
	index := pushOne(t)
	if _, err := signing.SignAndAttest(t.Context(), open(t, index), signing.Options{Signer: keyless(t, s, root, 2, signerMail)}, signing.Statements{Attached: true}); err != nil {
		t.Fatal(err)
	}
	layout := filepath.Join(dir, "layout")
	if out, err := exec.CommandContext(t.Context(), whittle, "save", index.Name(), layout).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for identity, code := range map[string]int{signerMail: 0, "evil@example.test": 1} {
		c := exec.CommandContext(t.Context(), "unshare", "--net", whittle, "verify", "--trusted-root", trusted,
			"--certificate-identity", identity, "--certificate-oidc-issuer", s.Issuer(), "--log", "required", "--attestation", "spdx,contents", "oci:"+layout)
		c.Env = []string{"HOME=" + dir}
		if out, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != code {
			t.Errorf("%s: exit %d\n%s", identity, c.ProcessState.ExitCode(), out)
		}
	}
}
