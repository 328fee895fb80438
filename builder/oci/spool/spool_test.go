package spool_test

import (
	"os"
	"testing"

	"github.com/whittle-oci/whittle/builder/oci/spool"
)

// TestGone leaves nothing behind.
func TestGone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, dir)
	}
	f, err := spool.New()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), 1<<20); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, 1<<20); err != nil || b[0] != 'x' {
		t.Errorf("%q, %v", b, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	t.Setenv("TMPDIR", dir+"/missing")
	t.Setenv("TMP", dir+"/missing")
	if f, err := spool.New(); err == nil {
		f.Close()
		t.Error("a file in a directory that is not there")
	}
}
