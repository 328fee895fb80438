//go:build linux

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dockerfile writes a context of one Dockerfile.
func dockerfile(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestBadInput gives the build what it cannot use. Each has its message and
// its exit code, and leaves nothing behind.
func TestBadInput(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		args       []string
		code       int
		want       string
	}{
		{"empty Dockerfile", "", nil, 1, "file with no instructions"},
		{"unknown instruction", "FROM scratch\nRUNN x\n", nil, 1, "Dockerfile:2"},
		{"no such stage", "FROM scratch\nCOPY --from=nope /a /b\n", []string{"--target", "nope"}, 1, "target stage"},
		{"another frontend", "# syntax=docker.io/acme/other:1\nFROM scratch\n", nil, 1, "the Dockerfile is written for the frontend docker.io/acme/other:1"},
		{"a RUN that fails", "FROM muslbox:1\nRUN false\nCMD [\"sh\"]\n", nil, 3, "exit code: 1"},
		{"unreachable registry", "FROM 127.0.0.1:1/none:1\n", nil, 3, "connection refused"},
		{"unknown setting", "FROM scratch\n", []string{"--config", "CONFIG"}, 2, `no such setting "maxsize"; did you mean max-size?`},
		{"over budget", "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n", []string{"--max-size", "1kB"}, 1, "more than max-size allows"},
		{"wrong include", "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n", []string{"--include", "/nowhere"}, 1, "include: /nowhere matches nothing"},
		{"wrong user", "FROM muslbox:1\nUSER ann\nCMD [\"/bin/busybox\"]\n", nil, 1, "the user ann is not in /etc/passwd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := dockerfile(t, tc.text)
			bad := filepath.Join(t.TempDir(), "bad.yaml")
			if err := os.WriteFile(bad, []byte("build:\n  maxsize: 1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "image.tar")
			args := []string{"build", dir, "-o", "type=oci,dest=" + out, "--progress", "quiet"}
			for _, a := range tc.args {
				args = append(args, strings.ReplaceAll(a, "CONFIG", bad))
			}
			res := whittle(t, shared(), args...)
			if res.code != tc.code || !strings.Contains(res.stderr, tc.want) {
				t.Errorf("exit %d, want %d and %q in\n%s", res.code, tc.code, tc.want, res.stderr)
			}
			left, err := os.ReadDir(filepath.Dir(out))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// TestInterrupted ends a build in its middle: no image, and the next build
// starts at once.
func TestInterrupted(t *testing.T) {
	dir := dockerfile(t, "FROM muslbox:1\nRUN echo started && /bin/busybox sleep 600\nCMD [\"/bin/busybox\"]\n")
	state, out := t.TempDir(), filepath.Join(t.TempDir(), "image.tar")
	cmd := exec.Command(world.bin, "build", dir, "-o", "type=oci,dest="+out, "--progress", "plain")
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+state, "BUILDKITD_CONFIG="+world.config)
	var log syncBuffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(log.String(), " started") {
		if time.Now().After(deadline) {
			t.Fatalf("the RUN did not start\n%s", log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(log.String(), "whittle: interrupted") {
		t.Errorf("exit %d, want 130\n%s", code, log.String())
	}
	if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	res := whittle(t, state, "build", dockerfile(t, "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n"), "-o", "type=oci,dest="+out, "--progress", "quiet", "--lock-timeout", "5s")
	if res.code != 0 {
		t.Errorf("the next build: exit %d\n%s", res.code, res.stderr)
	}
}

// TestLocked starts a build while another holds the state.
func TestLocked(t *testing.T) {
	state := t.TempDir()
	if err := os.MkdirAll(filepath.Join(state, "whittle"), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(state, "whittle", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("4711\n"); err != nil {
		t.Fatal(err)
	}
	for _, quiet := range [][]string{{"--progress", "quiet"}, {"-q"}} {
		res := whittle(t, state, append([]string{"build", dockerfile(t, "FROM scratch\n"), "--lock-timeout", "300ms"}, quiet...)...)
		if res.code != 3 || !strings.Contains(res.stderr, "waiting for process 4711") || !strings.Contains(res.stderr, "--lock-timeout") {
			t.Errorf("%s: exit %d\n%s", quiet, res.code, res.stderr)
		}
	}
}

// TestFullDisk builds into a file system of two megabytes.
func TestFullDisk(t *testing.T) {
	state := t.TempDir()
	if err := syscall.Mount("tmpfs", state, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(state, syscall.MNT_DETACH) })
	out := filepath.Join(t.TempDir(), "image.tar")
	res := whittle(t, state, "build", dockerfile(t, "FROM debian:12-slim\nCMD [\"bash\"]\n"), "-o", "type=oci,dest="+out, "--progress", "quiet")
	if res.code != 3 || !strings.Contains(res.stderr, "no space left on device") {
		t.Errorf("exit %d\n%s", res.code, res.stderr)
	}
	if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestScanner lets syft find the packages that the minimal image keeps.
func TestScanner(t *testing.T) {
	syft := peer(t, "syft")
	ref, _, _ := build(t, "gocgo")
	res := run(t, []string{"SYFT_CHECK_FOR_APP_UPDATE=false", "SYFT_REGISTRY_INSECURE_USE_HTTP=true"}, syft, "registry:"+ref, "-o", "json")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	for _, want := range []string{`"name":"libc6"`, `"name":"zlib1g"`, `"type":"deb"`, `"id":"debian"`} {
		if !bytes.Contains([]byte(strings.ReplaceAll(res.stdout, " ", "")), []byte(want)) {
			t.Errorf("syft does not report %s", want)
		}
	}
}
