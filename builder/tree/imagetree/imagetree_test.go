package imagetree_test

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/builder/tree/imagetree"
)

// layer makes a layer of "name", "name/", "name -> link", "name = hard link"
// and "name: content" lines.
func layer(t *testing.T, lines ...string) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, l := range lines {
		h, data := &tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Name: l}, ""
		if name, to, ok := strings.Cut(l, " -> "); ok {
			h = &tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
		} else if name, to, ok := strings.Cut(l, " = "); ok {
			h = &tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to}
		} else if name, c, ok := strings.Cut(l, ": "); ok {
			h.Name, h.Size, data = name, int64(len(c)), c
		} else if strings.HasSuffix(l, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLayers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		layers [][]string
		want   string
	}{
		{"later wins", [][]string{{"a: 1", "b: 2"}, {"a: 3"}}, "/a=3 /b=2"},
		{"whiteout", [][]string{{"d/a: 1", "d/b: 2"}, {"d/.wh.a"}}, "/d/b=2"},
		{"opaque spares its own layer", [][]string{{"d/a: 1"}, {"d/", "d/b: 2", "d/.wh..wh..opq"}}, "/d/b=2"},
		{"directory becomes file", [][]string{{"d/a: 1"}, {"d: 2"}}, "/d=2"},
		{"file becomes directory", [][]string{{"d: 1"}, {"d/a: 2"}}, "/d/a=2"},
		{"hard link", [][]string{{"a: 1", "b = a"}}, "/a=1 /b=1"},
		{"names that lead out stay in", [][]string{{"../../etc/x: 1"}}, "/etc/x=1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			img := empty.Image
			for _, l := range tc.layers {
				var err error
				if img, err = mutate.AppendLayers(img, layer(t, l...)); err != nil {
					t.Fatal(err)
				}
			}
			x, err := imagetree.Open(t.Context(), img, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			var got []string
			err = tree.Walk(t.Context(), x, "/", func(name string, e tree.Entry) error {
				if e.IsRegular() {
					b, err := tree.ReadFile(t.Context(), x, name, 100)
					if err != nil {
						return err
					}
					got = append(got, name+"="+string(b))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("%s, want %s", s, tc.want)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	img, err := mutate.AppendLayers(empty.Image, layer(t, "a: 0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := imagetree.Open(t.Context(), img, 9); err == nil || !strings.Contains(err.Error(), "limit of 9") {
		t.Errorf("unpacking past the limit: %v", err)
	}
}
