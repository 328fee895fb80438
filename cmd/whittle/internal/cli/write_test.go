//go:build unix

package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReadDockerfile waits for nobody when the run is over, and does not fill the
// memory from a device.
func TestReadDockerfile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	silent, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{pipe, "-"} {
		if _, err := (&app{IO: IO{In: silent}}).readDockerfile(ctx, name); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readConfig(t.Context(), "/dev/zero"); err == nil || err.Error() != "reading the configuration: /dev/zero: more than the limit of 1048576 bytes" {
		t.Error(err)
	}
	if _, err := (&app{}).readDockerfile(t.Context(), "/dev/zero"); err == nil || err.Error() != "/dev/zero: more than the limit of 67108864 bytes" {
		t.Error(err)
	}
}

// TestReplace changes what is in a file, and nothing else about it.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe, locked := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe"), filepath.Join(dir, "locked")
	for name, mode := range map[string]os.FileMode{file: 0o664, locked: 0o444} {
		if err := os.WriteFile(name, []byte("before"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	root := os.Getuid() == 0
	if root {
		if err := os.Chown(file, 1234, 2345); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replace(link, []byte("after")); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != "file" {
		t.Errorf("the link leads to %q (%v)", to, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o664 || root && (st.Uid != 1234 || st.Gid != 2345) {
		t.Errorf("mode %v, owner %d:%d", info.Mode(), st.Uid, st.Gid)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "after" {
		t.Errorf("the file has %q, %v", data, err)
	}
	for _, name := range []string{pipe, locked, filepath.Join(dir, "none")} {
		if err := replace(name, []byte("after")); err == nil {
			t.Errorf("%s was written", filepath.Base(name))
		}
	}
	if data, err := os.ReadFile(locked); err != nil || string(data) != "before" {
		t.Errorf("the file that is read-only has %q, %v", data, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 4 {
		t.Errorf("%d files are there (%v)", len(left), err)
	}
}
