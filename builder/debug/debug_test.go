package debug_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/builder/debug"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
)

// image makes an image of one layer.
func image(t *testing.T, architecture string, headers ...tar.Header) v1.Image {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		data := []byte(h.PAXRecords["content"])
		h.PAXRecords, h.Size = nil, int64(len(data))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(img, static.NewLayer(b.Bytes(), types.OCIUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: architecture, RootFS: v1.RootFS{Type: "layers", DiffIDs: diffIDs(t, img)}, Config: v1.Config{User: "65532:65532", Entrypoint: []string{"/app"}, Env: []string{"A=b", "PATH=/app/bin"}}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func diffIDs(t *testing.T, img v1.Image) []v1.Hash {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return c.RootFS.DiffIDs
}

func file(name string, content []byte) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, PAXRecords: map[string]string{"content": string(content)}}
}

func link(kind byte, name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: kind, Linkname: to, Mode: 0o777}
}

func TestImage(t *testing.T) {
	program := elftest.File{}.Bytes()
	app := image(t, "amd64", file("app", program))
	official := append(slices.Clone(program), "BusyBox v1.37"...)
	for name, tools := range map[string]v1.Image{
		"symbolic links": image(t, "amd64", file("bin/busybox", program), link(tar.TypeSymlink, "bin/ls", "busybox"), link(tar.TypeSymlink, "bin/sh", "/bin/busybox"), link(tar.TypeSymlink, "usr/bin/other", "/bin/else"), link(tar.TypeSymlink, "usr/bin/vi", "../../bin/busybox")),
		"hard links":     image(t, "amd64", file("bin/[", official), link(tar.TypeLink, "bin/busybox", "bin/["), link(tar.TypeLink, "bin/ls", "bin/["), link(tar.TypeLink, "bin/sh", "bin/["), link(tar.TypeLink, "bin/vi", "bin/[")),
		"distroless":     image(t, "amd64", file("busybox/busybox", program), link(tar.TypeSymlink, "busybox/ls", "busybox"), link(tar.TypeSymlink, "busybox/vi", "busybox")),
	} {
		t.Run(name, func(t *testing.T) {
			x, err := debug.ReadTools(tools)
			if err != nil {
				t.Fatal(err)
			}
			got, err := x.Image(app)
			if err != nil {
				t.Fatal(err)
			}
			lower, upper := layers(t, app), layers(t, got)
			if len(upper) != len(lower)+1 || !slices.Equal(lower, upper[:len(lower)]) {
				t.Errorf("layers %v, of the image %v", upper, lower)
			}
			c, err := got.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if c.Config.User != "65532:65532" || !slices.Equal(c.Config.Entrypoint, []string{"/app"}) || !slices.Equal(c.Config.Env, []string{"A=b", "PATH=/app/bin:/busybox"}) {
				t.Errorf("configuration %+v", c.Config)
			}
			names := listed(t, got)
			for _, want := range []string{"app", "busybox", "busybox/busybox", "busybox/sh", "busybox/ls", "busybox/vi"} {
				if !slices.Contains(names, want) {
					t.Errorf("%s is not among %q", want, names)
				}
			}
			if slices.Contains(names, "busybox/other") {
				t.Error("a link to something else is there")
			}
			again, err := x.Image(app)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := layers(t, got), layers(t, again); !slices.Equal(a, b) {
				t.Errorf("another time %v, then %v", b, a)
			}
			if _, err := x.Image(image(t, "arm64", file("app", program))); err == nil || !strings.Contains(err.Error(), "architecture") {
				t.Errorf("an image of another architecture: %v", err)
			}
		})
	}
}

func TestReadToolsRefuses(t *testing.T) {
	for want, img := range map[string]v1.Image{
		"no BusyBox":    image(t, "amd64", file("bin/bash", []byte("x"))),
		"not static":    image(t, "amd64", file("bin/busybox", elftest.File{Interp: "/lib/ld.so"}.Bytes())),
		"is no program": image(t, "amd64", file("bin/busybox", []byte("#!/bin/sh\n"))),
		"more than":     image(t, "amd64", file("bin/busybox", make([]byte, 17<<20))),
	} {
		if _, err := debug.ReadTools(img); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func layers(t *testing.T, img v1.Image) (out []string) {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		out = append(out, l.Digest.String())
	}
	return out
}

func listed(t *testing.T, img v1.Image) (out []string) {
	t.Helper()
	r := mutate.Extract(img)
	defer r.Close()
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h.Name)
	}
}
