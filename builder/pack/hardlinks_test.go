//go:build unix

package pack_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/pack"
	ocisink "github.com/whittle-oci/whittle/builder/sink/oci"
	"github.com/whittle-oci/whittle/builder/tree"
)

// content counts the regular files, the hard links and the bytes of an image.
func content(t *testing.T, p *image.Plan, x tree.Tree) (files, links int, bytes int64) {
	t.Helper()
	img, err := ocisink.New(t.Context(), p, x, ocisink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	rc, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	for tr := tar.NewReader(rc); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, links, bytes
		}
		if err != nil {
			t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeReg:
			files++
			bytes += h.Size
		case tar.TypeLink:
			links++
		}
	}
}

var box = append(elftest.File{}.Bytes(), make([]byte, 100_000)...)

// TestSlimHardLinks slims an image like busybox's: one program with a hundred
// names.
func TestSlimHardLinks(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "bin/[", Mode: 0o755, Size: int64(len(box))})
	_, _ = w.Write(box)
	for i := range 100 {
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: fmt.Sprintf("bin/%02d", i), Linkname: "bin/[", Mode: 0o755})
	}
	_ = w.Close()
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer(b.Bytes(), types.OCIUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.Config(img, v1.Config{Cmd: []string{"/bin/01"}}); err != nil {
		t.Fatal(err)
	}
	s, err := pack.Image(t.Context(), &oci.Source{Image: img, Platform: v1.Platform{OS: "linux", Architecture: "amd64"}}, decide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Tree.Close()
	files, links, n := content(t, s.Plan, s.Tree)
	if planned, _ := s.Plan.Size(); links != 100 || n != planned || n > 110_000 {
		t.Errorf("%d files, %d links, %d bytes; the plan says %d", files, links, n, planned)
	}
}

// TestPackHardLinks packs a directory with hard links in it.
func TestPackHardLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "box"), box, 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	for _, name := range []string{"a", "sub/b"} {
		if err := os.Link(filepath.Join(dir, "box"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := pack.Files(t.Context(), []pack.Source{{Host: dir, Dest: "/opt"}}, dockerspec.DockerOCIImageConfig{}, decide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, links, n := content(t, p.Plan, p.Tree); links != 2 || n > 110_000 {
		t.Errorf("%d links, %d bytes", links, n)
	}
}
