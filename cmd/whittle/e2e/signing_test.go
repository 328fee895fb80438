//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cosignEnv keeps cosign away from the network and from this machine's files.
func cosignEnv(t *testing.T) []string {
	t.Helper()
	return []string{"HOME=" + t.TempDir(), "COSIGN_PASSWORD=secret", "TUF_ROOT=" + t.TempDir()}
}

// emptyRoot is a trusted root that trusts no one, for bundles that a key alone
// vouches for.
func emptyRoot(t *testing.T, env []string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "root.json")
	if res := run(t, env, tool(t, "cosign"), "trusted-root", "create", "--out", file); res.code != 0 {
		t.Fatalf("cosign trusted-root: %s", res.stderr)
	}
	return file
}

// TestCosign signs and attests with each of the two programs and verifies with
// the other, in both formats.
func TestCosign(t *testing.T) {
	cosign := peer(t, "cosign")
	env := cosignEnv(t)
	dir := t.TempDir()
	prefix := filepath.Join(dir, "cosign")
	if res := run(t, env, world.bin, "keygen", "--output-key-prefix", prefix); res.code != 0 {
		t.Fatal(res.stderr)
	}
	key, pub := prefix+".key", prefix+".pub"
	root := emptyRoot(t, env)
	must := func(t *testing.T, bin string, args ...string) {
		t.Helper()
		if res := run(t, env, bin, args...); res.code != 0 {
			t.Fatalf("%s %s: exit %d\n%s%s", filepath.Base(bin), strings.Join(args, " "), res.code, res.stdout, res.stderr)
		}
	}
	fresh := func(t *testing.T) string {
		ref := reference("signed")
		res := whittle(t, shared(), "build", "testdata/apps/gocgo", "-t", ref, "--push", "--sbom", "--provenance", "--progress", "quiet")
		if res.code != 0 {
			t.Fatal(res.stderr)
		}
		return strings.TrimSuffix(ref, ":1") + "@" + strings.TrimSpace(res.stdout)
	}
	trust := map[string][]string{"bundle": {"--trusted-root", root}, "legacy": nil}
	for _, format := range []string{"bundle", "legacy"} {
		t.Run("ours, "+format, func(t *testing.T) {
			image := fresh(t)
			must(t, world.bin, "sign", "--key", key, "--format", format, image)
			must(t, world.bin, "attest", "--key", key, "--format", format, image)
			must(t, cosign, append([]string{"verify", "--key", pub, "--insecure-ignore-tlog=true", image}, trust[format]...)...)
			platform := onlyPlatform(t, image)
			for _, kind := range []string{"https://spdx.dev/Document", "https://slsa.dev/provenance/v1", "https://whittle-oci.github.io/contents/v1"} {
				must(t, cosign, append([]string{"verify-attestation", "--key", pub, "--insecure-ignore-tlog=true", "--type", kind, platform}, trust[format]...)...)
			}
		})
		t.Run("cosign's, "+format, func(t *testing.T) {
			image := fresh(t)
			platform := onlyPlatform(t, image)
			predicate := filepath.Join(dir, "predicate.json")
			if err := os.WriteFile(predicate, []byte(`{"SPDXID":"SPDXRef-DOCUMENT","spdxVersion":"SPDX-2.3"}`), 0o600); err != nil {
				t.Fatal(err)
			}
			flag := "--new-bundle-format=" + map[string]string{"bundle": "true", "legacy": "false"}[format]
			must(t, cosign, "sign", "--yes", "--key", key, "--tlog-upload=false", flag, image)
			must(t, cosign, "attest", "--yes", "--key", key, "--tlog-upload=false", flag, "--type", "spdxjson", "--predicate", predicate, platform)
			must(t, world.bin, "verify", "--key", pub, "--attestation", "spdx", image)
		})
	}
	t.Run("neither", func(t *testing.T) {
		res := run(t, env, world.bin, "verify", "--key", pub, fresh(t))
		if res.code != 1 || !strings.Contains(res.stderr, "there is no signature") {
			t.Errorf("exit %d\n%s", res.code, res.stderr)
		}
	})
}

// onlyPlatform gives the reference of an index's one platform.
func onlyPlatform(t *testing.T, image string) string {
	t.Helper()
	h, err := pull(t, image).Digest()
	if err != nil {
		t.Fatal(err)
	}
	repo, _, _ := strings.Cut(image, "@")
	return repo + "@" + h.String()
}

// TestBuildSigned signs as part of a build, and makes signing fail: then there
// is no tag.
func TestBuildSigned(t *testing.T) {
	env := []string{"COSIGN_PASSWORD=secret", "XDG_DATA_HOME=" + shared(), "BUILDKITD_CONFIG=" + world.config}
	prefix := filepath.Join(t.TempDir(), "cosign")
	if res := run(t, env, world.bin, "keygen", "--output-key-prefix", prefix); res.code != 0 {
		t.Fatal(res.stderr)
	}
	ref := reference("signed")
	res := run(t, env, world.bin, "build", "testdata/apps/gohello", "-t", ref, "--push", "--sign", "--key", prefix+".key", "--sbom", "--progress", "quiet")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	runs(t, pull(t, ref), "Hello, world!")
	verified := run(t, env, world.bin, "verify", "--key", prefix+".pub", "--attestation", "spdx,contents", ref)
	if verified.code != 0 {
		t.Errorf("exit %d\n%s", verified.code, verified.stderr)
	}
	// The image carries a bundle now, so signing the same digest in the
	// older format is refused, and a new tag must not appear.
	other := strings.TrimSuffix(ref, ":1") + ":other"
	failed := run(t, env, world.bin, "build", "testdata/apps/gohello", "-t", other, "--push", "--sign", "--sign-format", "legacy", "--key", prefix+".key", "--sbom", "--progress", "quiet")
	if failed.code != 1 || !strings.Contains(failed.stderr, "use --format bundle") {
		t.Errorf("exit %d\n%s", failed.code, failed.stderr)
	}
	absent(t, other)
	wrong := run(t, append(env, "COSIGN_PASSWORD=wrong"), world.bin, "build", "testdata/apps/gohello", "-t", other, "--push", "--sign", "--key", prefix+".key", "--progress", "quiet")
	if wrong.code != 2 || !strings.Contains(wrong.stderr, "the password does not open the key") {
		t.Errorf("exit %d\n%s", wrong.code, wrong.stderr)
	}
	absent(t, other)
}

// TestMakeTargets runs the targets that app repositories include.
func TestMakeTargets(t *testing.T) {
	ref := reference("makeapp")
	prefix := filepath.Join(t.TempDir(), "cosign")
	env := []string{"COSIGN_PASSWORD=secret", "XDG_DATA_HOME=" + shared(), "BUILDKITD_CONFIG=" + world.config}
	if res := run(t, env, world.bin, "keygen", "--output-key-prefix", prefix); res.code != 0 {
		t.Fatal(res.stderr)
	}
	for _, target := range []string{"image-lint", "image-build", "image-sign", "image-verify"} {
		res := run(t, env, "make", "-C", "testdata/apps/makeapp", target, "IMAGE="+ref, "WHITTLE="+world.bin, "COSIGN_KEY="+prefix+".key", "COSIGN_PUB="+prefix+".pub")
		if res.code != 0 {
			t.Fatalf("make %s: exit %d\n%s%s", target, res.code, res.stdout, res.stderr)
		}
	}
	runs(t, pull(t, ref), "Hello, world!")
}

// TestVerifyBase builds on an image that must be signed, before and after it is,
// and through a frontend, which cannot know.
func TestVerifyBase(t *testing.T) {
	dir := t.TempDir()
	prefix := filepath.Join(dir, "k")
	env := []string{"COSIGN_PASSWORD=secret", "XDG_DATA_HOME=" + shared(), "BUILDKITD_CONFIG=" + world.config}
	if res := run(t, env, world.bin, "keygen", "--output-key-prefix", prefix); res.code != 0 {
		t.Fatal(res.stderr)
	}
	base := reference("base")
	if res := run(t, env, world.bin, "build", "testdata/apps/gohello", "-t", base, "--push", "--progress", "quiet"); res.code != 0 {
		t.Fatal(res.stderr)
	}
	repository := strings.TrimSuffix(base, ":1")
	for name, text := range map[string]string{
		"Dockerfile":    "FROM scratch\nCOPY --from=" + base + " / /\nENTRYPOINT [\"/app\"]\n",
		".whittle.yaml": "build: {verify-base: \"**\"}\nverify:\n  policies:\n  - images: \"" + repository + "\"\n    signers: {any-of: [{key: k.pub}]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := func(args ...string) result {
		return run(t, env, world.bin, append([]string{"build", dir, "--config", filepath.Join(dir, ".whittle.yaml"), "--dry-run", "--progress", "quiet"}, args...)...)
	}
	if res := build(); res.code != 1 || !strings.Contains(res.stderr, "that is built on") || !strings.Contains(res.stderr, "there is no signature") {
		t.Errorf("not signed: exit %d\n%s", res.code, res.stderr)
	}
	if res := run(t, env, world.bin, "sign", "--key", prefix+".key", base); res.code != 0 {
		t.Fatal(res.stderr)
	}
	if res := build("-v"); strings.Contains(res.stderr, "there is no signature") || !strings.Contains(res.stderr, "is signed by the key sha256:") {
		t.Errorf("signed: exit %d\n%s", res.code, res.stderr)
	}
	if res := build("--verify-base=registry.example/**", "-v"); strings.Contains(res.stderr, "is signed by") {
		t.Errorf("another pattern: exit %d\n%s", res.code, res.stderr)
	}
}
