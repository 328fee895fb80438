//go:build linux

package e2e

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// onDisk sums what the files below a directory take, in bytes.
func onDisk(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			n += st.Blocks * 512
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPruned builds until the state is large, and then with a smaller size for
// it: the state shrinks to that, and goes on to build.
func TestPruned(t *testing.T) {
	const (
		data  = 20 << 20 // in every build, new each time
		large = 2 * data
		size  = 4 << 20
		slack = 4 << 20 // databases and empty directories
	)
	state := t.TempDir()
	dir := dockerfile(t, "FROM muslbox:1\nCOPY data /srv/data\nCMD [\"/bin/busybox\", \"wc\", \"-c\", \"/srv/data\"]\n")
	build := func(size string) {
		t.Helper()
		random := make([]byte, data)
		rand.Read(random)
		if err := os.WriteFile(filepath.Join(dir, "data"), random, 0o600); err != nil {
			t.Fatal(err)
		}
		// Without its file, which is cheaper to compress.
		if res := whittle(t, state, "build", dir, "--exclude", "/srv", "--state-size", size, "-o", "type=oci,dest="+filepath.Join(t.TempDir(), "x.tar"), "--progress", "quiet"); res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
	}
	build("10GB")
	build("10GB")
	if n := onDisk(t, state); n < large {
		t.Fatalf("the state holds %d bytes, want it to keep %d while there is room", n, large)
	}
	build("4MiB")
	if n := onDisk(t, state); n > size+slack {
		t.Errorf("the state holds %d bytes, want at most %d and %d of its own", n, size, slack)
	}
	build("4MiB")
}

// started runs the command in the background until it has printed some text.
func started(t *testing.T, state, until string, args ...string) (*exec.Cmd, *syncBuffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), world.bin, args...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+state, "BUILDKITD_CONFIG="+world.config)
	log := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(log.String(), until) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not print %q\n%s", until, log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	return cmd, log
}

// ended waits for a command and compares its exit code.
func ended(t *testing.T, cmd *exec.Cmd, log *syncBuffer, code int) {
	t.Helper()
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit %d, want %d\n%s", got, code, log.String())
	}
}

// TestOneAtATime starts two builds in one state. The second says whom it waits
// for, can be interrupted while it does, and builds when the first is done,
// also when that was killed.
func TestOneAtATime(t *testing.T) {
	state := t.TempDir()
	slow := dockerfile(t, "FROM muslbox:1\nRUN echo started && /bin/busybox sleep 2\nCMD [\"/bin/busybox\"]\n")
	stuck := dockerfile(t, "FROM muslbox:1\nRUN --mount=type=cache,target=/cache echo started && /bin/busybox sleep 600\nCMD [\"/bin/busybox\"]\n")
	quick := []string{"build", dockerfile(t, "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n"), "--progress", "quiet"}
	waits := func(first *exec.Cmd) (*exec.Cmd, *syncBuffer) {
		return started(t, state, fmt.Sprintf("waiting for process %d, which builds in %s", first.Process.Pid, filepath.Join(state, "whittle")), quick...)
	}
	first, firstLog := started(t, state, " started", "build", slow, "--progress", "plain")
	impatient, impatientLog := waits(first)
	patient, patientLog := waits(first)
	if err := impatient.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended(t, impatient, impatientLog, 130)
	ended(t, first, firstLog, 0)
	ended(t, patient, patientLog, 0)

	first, firstLog = started(t, state, " started", "build", stuck, "--progress", "plain")
	patient, patientLog = waits(first)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ended(t, first, firstLog, -1)
	ended(t, patient, patientLog, 0)
	// What the killed one left running was ended by the next.
	if left, _ := filepath.Glob(filepath.Join(state, "whittle", "runc-*", "executor", "*", "config.json")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), state) {
		t.Errorf("left mounted:\n%s", mounts)
	}
	if out, err := exec.Command("runc", "list").CombinedOutput(); err != nil || strings.Contains(string(out), state) {
		t.Errorf("left running (%v):\n%s", err, out)
	}
}

// TestWithoutRunc builds on a machine that has no program but this one.
func TestWithoutRunc(t *testing.T) {
	state := t.TempDir()
	env := []string{"PATH=" + t.TempDir(), "XDG_DATA_HOME=" + state, "BUILDKITD_CONFIG=" + world.config}
	ref := reference("norunc")
	res := run(t, env, world.bin, "build", dockerfile(t, "FROM muslbox:1\nCMD [\"/bin/busybox\", \"echo\", \"no runc\"]\n"), "-t", ref, "--push", "--progress", "quiet")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	runs(t, pull(t, ref), "no runc")
	res = run(t, env, world.bin, "build", dockerfile(t, "FROM muslbox:1\nRUN true\nCMD [\"/bin/busybox\"]\n"), "--progress", "quiet")
	if res.code != 3 || !strings.Contains(res.stderr, "runc is not along PATH") || !strings.Contains(res.stderr, "hint: RUN instructions and smoke need runc") {
		t.Errorf("a RUN: exit %d\n%s", res.code, res.stderr)
	}
	res = run(t, env, world.bin, "build", dockerfile(t, "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n"), "--progress", "quiet", "--smoke", "/bin/busybox true")
	if res.code != 3 || !strings.Contains(res.stderr, "smoke: the image could not be tried: ") || !strings.Contains(res.stderr, "runc is not along PATH") || !strings.Contains(res.stderr, "hint: RUN instructions and smoke need runc") {
		t.Errorf("smoke: exit %d\n%s", res.code, res.stderr)
	}
}
