//go:build unix

package staging_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// TestMain writes to a path in a process of its own where a test asks for it,
// so that the test chooses the descriptors.
func TestMain(m *testing.M) {
	dest := os.Getenv("STAGING_TEST_DEST")
	if dest == "" {
		os.Exit(m.Run())
	}
	if err := staging.WriteFile(context.Background(), dest, []byte("text")); err != nil {
		println(err.Error())
		os.Exit(3)
	}
	os.Exit(0)
}

// TestDescriptors writes to open descriptors at the place where they are, and
// replaces neither them nor the files behind them.
func TestDescriptors(t *testing.T) {
	for _, dest := range []string{"/dev/stdout", "/dev/fd/1", "/dev/fd/3", "/proc/self/fd/3", "link"} {
		dir := t.TempDir()
		if dest == "link" {
			dest = filepath.Join(dir, "link")
			if err := os.Symlink("/dev/fd/3", dest); err != nil {
				t.Fatal(err)
			}
		}
		name := filepath.Join(dir, "file")
		f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString("before "); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "STAGING_TEST_DEST="+dest)
		cmd.Stdout, cmd.ExtraFiles = f, []*os.File{f}
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v", dest, err)
		}
		if _, err := f.WriteString(" after"); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(name); string(data) != "before text after" {
			t.Errorf("%s: the file has %q (%v)", dest, data, err)
		}
	}
	if info, err := os.Lstat("/dev/stdout"); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("/dev/stdout is %v (%v)", info.Mode(), err)
	}
	for dest, want := range map[string]bool{"/dev/stdout": true, "/dev/fd/1": true, "/dev/stderr": false, "/dev/null": false, t.TempDir(): false, "none": false} {
		if got := staging.IsStdout(dest); got != want {
			t.Errorf("IsStdout(%s) is %v", dest, got)
		}
	}
}

// TestDevices writes to devices and pipes, which stay what they are, and whose
// errors name them. As root, replacing would succeed.
func TestDevices(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "null")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		data, _ := os.ReadFile(pipe)
		read <- string(data)
	}()
	for dest, want := range map[string]string{
		"/dev/null": "", link: "", pipe: "", "/dev/full": "write /dev/full: no space left on device",
	} {
		before, err := os.Lstat(dest)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := staging.WriteFile(t.Context(), dest, []byte("text")); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", dest, got, want)
		}
		after, err := os.Lstat(dest)
		if err != nil || after.Mode() != before.Mode() || !os.SameFile(before, after) {
			t.Errorf("%s was %v and is %v (%v)", dest, before.Mode(), after.Mode(), err)
		}
	}
	if got := <-read; got != "text" {
		t.Errorf("the pipe was given %q", got)
	}
	if err := staging.ReplaceFile("/dev/null", nil); err == nil || err.Error() != "open /dev/null: not a regular file" {
		t.Error(err)
	}
}

// TestNobodyReads waits for a reader of a pipe only as long as the run lasts.
func TestNobodyReads(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- staging.WriteFile(ctx, pipe, []byte("text")) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestReaderLeaves names the pipe whose reader went away.
func TestReaderLeaves(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	s := staging.New(t.Context())
	x := s.Stream("the pipe", w)
	_, _ = x.Write([]byte("text"))
	if err := s.Commit(); !errors.Is(err, syscall.EPIPE) || err.Error() != "write the pipe: broken pipe" {
		t.Error(err)
	}
	s.Discard()
}

// TestKeeps gives a file that is replaced its mode and owner, and leaves links
// to it alone, also one that leads nowhere yet.
func TestKeeps(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"real/file": "before"})
	file := filepath.Join(dir, "real", "file")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	root := os.Getuid() == 0
	if root {
		if err := os.Chown(file, 1234, 2345); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link": "real/file", "new": "real/made"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
		if err := staging.WriteFile(t.Context(), filepath.Join(dir, link), []byte("after")); err != nil {
			t.Fatal(err)
		}
	}
	want(t, dir, "link", "new", "real/", "real/file=after", "real/made=after")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o640 || root && (st.Uid != 1234 || st.Gid != 2345) {
		t.Errorf("mode %v, owner %d:%d", info.Mode(), st.Uid, st.Gid)
	}
	old := syscall.Umask(0o027)
	err = staging.WriteFile(t.Context(), filepath.Join(dir, "masked"), nil)
	syscall.Umask(old)
	if info, serr := os.Stat(filepath.Join(dir, "masked")); err != nil || serr != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("a new file: %v %v %v", info, err, serr)
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if err := staging.WriteFile(t.Context(), loop, nil); err == nil || !strings.HasPrefix(err.Error(), "open "+loop+": too many levels") {
		t.Error(err)
	}
}

// TestReadOnlyDirectories are moved and removed like others. Root, who may do
// anything, takes an ordinary user's place for it.
func TestReadOnlyDirectories(t *testing.T) {
	if os.Getuid() == 0 {
		asUser(t, "TestReadOnlyDirectories")
		return
	}
	for _, commit := range []bool{false, true} {
		dir := t.TempDir()
		put(t, dir, map[string]string{"there": "old"})
		s := staging.New(t.Context())
		tmp, err := s.Dir(dir, staging.DirOptions{})
		if err != nil {
			t.Fatal(err)
		}
		put(t, tmp, map[string]string{"locked/file": "new"})
		if err := os.Chmod(filepath.Join(tmp, "locked"), 0o555); err != nil {
			t.Fatal(err)
		}
		if commit {
			if err := s.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		s.Discard()
		if !commit {
			want(t, dir, "there=old")
			continue
		}
		want(t, dir, "locked/", "locked/file=new", "there=old")
		locked := filepath.Join(dir, "locked")
		if info, err := os.Stat(locked); err != nil || info.Mode().Perm() != 0o555 {
			t.Errorf("it has mode %v (%v)", info.Mode(), err)
		}
		// Nothing can be staged in there, and what cannot be written is not replaced.
		for _, name := range []string{"file", "other"} {
			if err := os.Chmod(filepath.Join(locked, "file"), 0o444); err != nil {
				t.Fatal(err)
			}
			if err := staging.WriteFile(t.Context(), filepath.Join(locked, name), nil); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), filepath.Join("locked", name)) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := os.Chmod(locked, 0o755); err != nil { // for the test's own cleaning
			t.Fatal(err)
		}
	}
}

// asUser runs a test again as an ordinary user.
func asUser(t *testing.T, name string) {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "test")
	if err := os.WriteFile(copied, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), copied, "-test.run", "^"+name+"$", "-test.v")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+name) {
		t.Errorf("%v\n%s", err, out)
	}
}
