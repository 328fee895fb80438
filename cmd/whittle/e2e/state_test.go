package e2e

import (
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
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
