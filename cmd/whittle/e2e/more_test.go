package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDryRun prints the plan and exports nothing.
func TestDryRun(t *testing.T) {
	ref := reference("dry")
	text := whittle(t, shared(), "build", "testdata/apps/gohello", "-t", ref, "--push", "--dry-run", "--progress", "quiet")
	if text.code != 0 || !strings.Contains(text.stdout, "/hello  ENTRYPOINT") {
		t.Errorf("exit %d\n%s%s", text.code, text.stdout, text.stderr)
	}
	machine := whittle(t, shared(), "build", "testdata/apps/gohello", "-t", ref, "--push", "--dry-run", "--json", "--progress", "quiet")
	var got struct {
		Digest string
		Plans  []struct {
			Files []struct{ Path, Reason string }
		}
	}
	if err := json.Unmarshal([]byte(machine.stdout), &got); err != nil {
		t.Fatalf("%v\n%s", err, machine.stdout)
	}
	if got.Digest != "" || len(got.Plans) != 1 || got.Plans[0].Files[0].Path != "/hello" {
		t.Errorf("plan %+v", got)
	}
	absent(t, ref)
}

// TestSlim makes the minimal form of an image that exists.
func TestSlim(t *testing.T) {
	ref := reference("slim")
	res := whittle(t, shared(), "slim", world.registry.Addr+"/library/debian:12", "-t", ref, "--push")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	img := pull(t, ref)
	if n := sum(files(t, img)); n > 20_000_000 {
		t.Errorf("%d bytes of files are left of a Debian with nothing but a shell", n)
	}
	c := unpack(t, img)
	for _, user := range []string{ownUser, randomUser} {
		if got := c.output(t, user, "bash", "-c", "echo $((6*7))"); strings.TrimSpace(got) != "42" {
			t.Errorf("as %q: %q", user, got)
		}
	}
}

// TestTarget builds a stage as it is written, unless it is asked for small.
func TestTarget(t *testing.T) {
	_, plain, res := build(t, "multistage", "--target", "build")
	if !strings.Contains(res.stderr, "the target build is not the last stage, so it is built as written") {
		t.Errorf("no warning\n%s", res.stderr)
	}
	if n := len(files(t, plain)); n < 1000 {
		t.Errorf("%d files, want the whole stage", n)
	}
}

// TestKeepsRoot leaves root to an entrypoint that changes who runs.
func TestKeepsRoot(t *testing.T) {
	dir := dockerfile(t, "FROM muslbox:1\nCOPY --chmod=0755 <<EOF /run.sh\n#!/bin/sh\nchown 1 /tmp\nexec echo started\nEOF\nENTRYPOINT [\"/run.sh\"]\n")
	ref := reference("root")
	res := whittle(t, shared(), "build", dir, "-t", ref, "--push", "--progress", "quiet")
	if res.code != 0 || !strings.Contains(res.stderr, "/run.sh runs chown, which needs root, so the image runs as root") {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	config, err := pull(t, ref).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "" {
		t.Errorf("user %q", config.Config.User)
	}
}

// TestWithoutRoot builds as an ordinary user: what needs no RUN works, and a
// RUN says what it would need.
func TestWithoutRoot(t *testing.T) {
	home, err := os.MkdirTemp("", "whittle-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	const uid = 4242
	bin := filepath.Join(home, "whittle")
	data, err := os.ReadFile(world.bin)
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(world.config)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "hello")
	compile := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s", "-o", program, ".")
	compile.Dir = filepath.Join(world.root, "testdata", "apps", "gohello")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	hello, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"copy", "owned", "run"} {
		if err := os.Mkdir(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string][]byte{
		"whittle": data, "buildkitd.toml": config,
		"copy/Dockerfile": []byte("FROM scratch\nCOPY hello /hello\nENTRYPOINT [\"/hello\"]\n"), "copy/hello": hello,
		"owned/Dockerfile": []byte("FROM scratch\nCOPY hello /hello\nWORKDIR /wd\nENTRYPOINT [\"/hello\"]\n"), "owned/hello": hello,
		"run/Dockerfile": []byte("FROM muslbox:1\nRUN true\nCMD [\"/bin/busybox\"]\n"),
	} {
		if err := os.WriteFile(filepath.Join(home, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := exec.Command("chown", "-R", "4242:4242", home).Run(); err != nil {
		t.Fatal(err)
	}
	as := func(args ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), bin, args...)
		cmd.Dir = home
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "BUILDKITD_CONFIG=" + filepath.Join(home, "buildkitd.toml")}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	ref := reference("user")
	out, code := as("build", "copy", "-t", ref, "--push", "--progress", "quiet")
	if code != 0 || !strings.Contains(out, "building in a user namespace") {
		t.Fatalf("exit %d\n%s", code, out)
	}
	img := pull(t, ref)
	runs(t, img, "Hello, world!")
	mine, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	asRoot := reference("user")
	if res := whittle(t, shared(), "build", filepath.Join(home, "copy"), "-t", asRoot, "--push", "--progress", "quiet"); res.code != 0 {
		t.Fatal(res.stderr)
	}
	roots, err := pull(t, asRoot).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if mine != roots {
		t.Errorf("a user built %s, root %s", mine, roots)
	}
	out, code = as("build", "owned", "--progress", "quiet", "-o", "type=oci,dest=x.tar")
	if code != 3 || !strings.Contains(out, "hint: a plain user namespace holds one user") {
		t.Errorf("a file of another user: exit %d\n%s", code, out)
	}
	out, code = as("build", "run", "--progress", "quiet")
	if code != 3 || !strings.Contains(out, "hint: RUN instructions need more than the one user") {
		t.Errorf("a RUN: exit %d\n%s", code, out)
	}
}
