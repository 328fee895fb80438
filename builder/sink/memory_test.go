//go:build linux

package sink_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain keeps the trees that BuildKit copies in memory where there is room:
// there are 10^5 directories, and three quarters of the processor time would be
// a disk's file system making and removing them.
func TestMain(m *testing.M) {
	os.Exit(runInMemory(m))
}

func runInMemory(m *testing.M) int {
	const shm = "/dev/shm"
	var s unix.Statfs_t
	if os.Getenv("TMPDIR") != "" || unix.Statfs(shm, &s) != nil || s.Type != unix.TMPFS_MAGIC || int64(s.Bavail)*s.Bsize < 2<<30 {
		return m.Run()
	}
	dir, err := os.MkdirTemp(shm, "whittle-sink-")
	if err != nil {
		return m.Run() // it is not ours to write to
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("TMPDIR", dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
