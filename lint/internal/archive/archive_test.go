package archive_test

import (
	"archive/tar"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/whittle-oci/whittle/lint/internal/archive"
)

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, archive.Name))
	if err != nil {
		t.Fatal(err)
	}
	zw := gzip.NewWriter(f)
	tw := tar.NewWriter(zw)
	for _, h := range []tar.Header{{Name: "d/", Typeflag: tar.TypeDir}, {Name: "d/a", Typeflag: tar.TypeReg, Size: 1}, {Name: "../out", Typeflag: tar.TypeReg, Size: 1}, {Name: "b", Typeflag: tar.TypeReg, Size: 1}} {
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := tw.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []interface{ Close() error }{tw, zw, f} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got := ""
	for f, err := range archive.Files(dir) {
		if err != nil {
			t.Fatal(err)
		}
		got += f.Name + "=" + string(f.Data) + " "
	}
	if got != "d/a=x b=x " {
		t.Errorf("got %s", got)
	}
	for _, err := range archive.Files(filepath.Join(dir, "none")) {
		if err == nil {
			t.Error("a file that is not there was read")
		}
	}
}
