//go:build unix

package oci_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/whittle-oci/whittle/builder/oci"
)

// TestWriteDevices writes archives to devices and pipes, which stay what they
// are, and names those that take nothing. As root, replacing would succeed.
func TestWriteDevices(t *testing.T) {
	img := sample(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"oci", "docker", "tar"} {
		read := make(chan int)
		go func() {
			data, _ := os.ReadFile(pipe)
			read <- len(data)
		}()
		for _, dest := range []string{"/dev/null", "/dev/full", pipe} {
			before, err := os.Lstat(dest)
			if err != nil {
				t.Fatal(err)
			}
			_, err = write(t, img, oci.Delivery{Names: tags(t, "app:1")}, "type="+kind+",dest="+dest)
			if full := dest == "/dev/full"; full != errors.Is(err, syscall.ENOSPC) || full && err.Error() != "write /dev/full: no space left on device" || !full && err != nil {
				t.Errorf("%s to %s: %v", kind, dest, err)
			}
			if after, err := os.Lstat(dest); err != nil || after.Mode() != before.Mode() || after.Mode()&(fs.ModeDevice|fs.ModeNamedPipe) == 0 {
				t.Fatalf("%s was %v and is %v (%v)", dest, before.Mode(), after.Mode(), err)
			}
		}
		if n := <-read; n < 512 {
			t.Errorf("%s: the pipe was given %d bytes", kind, n)
		}
	}
}
