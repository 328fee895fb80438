//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// account is an ordinary user of this machine with the command in its home.
type account struct{ home string }

// ordinary is the user's number; nobody else has it.
const ordinary = 4242

// newAccount makes a home with build contexts: a Dockerfile each, and a program
// where the Dockerfile takes one.
func newAccount(t *testing.T, dockerfiles map[string]string) account {
	t.Helper()
	home, err := os.MkdirTemp("", "whittle-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	content := map[string]string{"whittle": world.bin, "buildkitd.toml": world.config}
	hello := filepath.Join(t.TempDir(), "hello")
	compile := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s", "-o", hello, ".")
	compile.Dir = filepath.Join(world.root, "testdata", "apps", "gohello")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range dockerfiles {
		if err := os.Mkdir(filepath.Join(home, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, name, "Dockerfile"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		content[name+"/hello"] = hello
	}
	for name, from := range content {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, name), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := exec.Command("chown", "-R", "4242:4242", home).Run(); err != nil {
		t.Fatal(err)
	}
	return account{home}
}

// command runs a program as the user, in its home.
func (a account) command(t *testing.T, bin string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir = a.home
	cmd.Env = []string{"HOME=" + a.home, "PATH=" + os.Getenv("PATH"), "BUILDKITD_CONFIG=" + filepath.Join(a.home, "buildkitd.toml")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinary, Gid: ordinary}}
	return cmd
}

func (a account) whittle(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	cmd := a.command(t, filepath.Join(a.home, "whittle"), args...)
	data, _ := cmd.CombinedOutput()
	return string(data), cmd.ProcessState.ExitCode()
}

// TestWithoutRoot builds as an ordinary user: what needs no RUN and no file of
// another user works, and the rest says what it would need.
func TestWithoutRoot(t *testing.T) {
	a := newAccount(t, map[string]string{
		"copy":  "FROM scratch\nCOPY hello /hello\nENTRYPOINT [\"/hello\"]\n",
		"owned": "FROM scratch\nCOPY hello /hello\nWORKDIR /wd\nENTRYPOINT [\"/hello\"]\n",
		"base":  "FROM debian:12-slim\nCMD [\"bash\"]\n",
		"run":   "FROM muslbox:1\nRUN true\nCMD [\"/bin/busybox\"]\n",
	})
	ref := reference("user")
	out, code := a.whittle(t, "build", "copy", "-t", ref, "--push", "--progress", "quiet")
	if code != 0 || !strings.Contains(out, "building in a user namespace, as this is not root; RUN instructions cannot run there") {
		t.Fatalf("exit %d\n%s", code, out)
	}
	img := pull(t, ref)
	runs(t, img, "Hello, world!")
	mine, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	asRoot := reference("user")
	if res := whittle(t, shared(), "build", filepath.Join(a.home, "copy"), "-t", asRoot, "--push", "--progress", "quiet", "--no-identity"); res.code != 0 {
		t.Fatal(res.stderr)
	}
	same(t, "what root built", pull(t, asRoot), mine)
	for dir, want := range map[string]string{
		"owned": "hint: a plain user namespace holds one user",
		"base":  "hint: a plain user namespace holds one user",
		"run":   "hint: RUN instructions and smoke need more than the one user",
		"copy":  "hint: RUN instructions and smoke need more than the one user",
	} {
		args := []string{"build", dir, "--progress", "quiet", "-o", "type=oci,dest=x.tar"}
		if dir == "copy" {
			args = append(args, "--smoke", "/hello")
		}
		out, code = a.whittle(t, args...)
		if code != 3 || !strings.Contains(out, want) || !strings.Contains(out, "build as root, or with a BuildKit that is running (--builder, BUILDKIT_HOST)") {
			t.Errorf("%s: exit %d, want %q in\n%s", dir, code, want, out)
		}
		if _, err := os.Stat(filepath.Join(a.home, "x.tar")); err == nil {
			t.Errorf("%s: there is an image", dir)
		}
	}
}

// TestNoNamespace builds as a user who may make no user namespace, in one of
// its own where the limit is none.
func TestNoNamespace(t *testing.T) {
	a := newAccount(t, map[string]string{"copy": "FROM scratch\nCOPY hello /hello\nENTRYPOINT [\"/hello\"]\n"})
	cmd := a.command(t, "unshare", "--user", "--map-user=4242", "--map-group=4242", "--keep-caps",
		"sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces && exec ./whittle build copy --progress quiet")
	out, _ := cmd.CombinedOutput()
	if want := "user namespaces are switched off or used up here, see sysctl user.max_user_namespaces"; cmd.ProcessState.ExitCode() != 3 || !strings.Contains(string(out), want) || !strings.Contains(string(out), "hint: run as root") {
		t.Errorf("exit %d, want %q in\n%s", cmd.ProcessState.ExitCode(), want, out)
	}
}

// TestInterruptedUser ends a build in a user namespace while it waits for a
// registry: both processes end, and the state is free.
func TestInterruptedUser(t *testing.T) {
	registry, asked := hanging(t)
	a := newAccount(t, map[string]string{
		"hang": "FROM " + registry + "/app:1\n",
		"copy": "FROM scratch\nCOPY hello /hello\nENTRYPOINT [\"/hello\"]\n",
	})
	cmd := a.command(t, filepath.Join(a.home, "whittle"), "build", "hang", "-o", "type=oci,dest=x.tar", "--progress", "quiet")
	var log syncBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-time.After(time.Minute):
		t.Fatalf("nobody asks the registry\n%s", log.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || strings.Count(log.String(), "whittle: interrupted") != 1 {
		t.Errorf("exit %d, want 130\n%s", code, log.String())
	}
	if left, _ := filepath.Glob(filepath.Join(a.home, "*x.tar*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if out, code := a.whittle(t, "build", "copy", "--progress", "quiet", "--lock-timeout", "5s"); code != 0 || strings.Contains(out, "waiting for process") {
		t.Errorf("the next build: exit %d\n%s", code, out)
	}
}
