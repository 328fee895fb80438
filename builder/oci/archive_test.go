package oci_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/whittle-oci/whittle/builder/oci"
)

// saved writes a docker archive.
func saved(t testing.TB, images map[string]v1.Image) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	refs := map[name.Reference]v1.Image{}
	for n, img := range images {
		tag, err := oci.ParseTag(n)
		if err != nil {
			t.Fatal(err)
		}
		refs[tag] = img
	}
	if err := tarball.MultiRefWriteToFile(file, refs); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOpenDockerArchive(t *testing.T) {
	one, two := imageFor(t, "linux/s390x"), imageFor(t, "linux/arm/v7")
	single, both := saved(t, map[string]v1.Image{"app:1": one}), saved(t, map[string]v1.Image{"app:1": one, "ghcr.io/acme/two:2": two})
	for _, tc := range []struct {
		ref, ask string
		want     v1.Image
		err      string
	}{
		{"docker-archive:" + single, "", one, ""},
		{single, "", one, ""},
		{single + ":app:1", "linux/s390x", one, ""},
		{"docker-archive:" + both + ":ghcr.io/acme/two:2", "linux/arm/v7", two, ""},
		{single, "linux/amd64", nil, "is an image for linux/s390x, not for linux/amd64"},
		{both, "", nil, "holds several images"},
		{both + ":three", "", nil, "holds no image three"},
		{single + "@" + digest, "", nil, "by name, not by digest"},
		{"oci-archive:" + single, "", nil, "has no file oci-layout"},
	} {
		t.Run(tc.ref, func(t *testing.T) {
			got, err := open(t, tc.ref, oci.OpenOptions{Platform: platform(t, tc.ask)})
			if tc.want == nil {
				wants(t, err, 2, tc.err, " archive ")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := whole(got); err != nil {
				t.Error(err)
			}
			config, err := tc.want.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if oci.FormatPlatform(got.Platform) != oci.FormatPlatform(*config.Platform()) || !strings.HasPrefix(got.Place(), "docker archive ") {
				t.Errorf("%s for %v", got.Place(), got.Platform)
			}
		})
	}
}

// tarEntry is a file of a tar.
type tarEntry struct {
	name, text string
	size       int64 // 0 for that of the text
	typ        byte
	link       string
}

// tarOf writes a tar whose headers may lie.
func tarOf(t testing.TB, entries ...tarEntry) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, e := range entries {
		var one bytes.Buffer
		w := tar.NewWriter(&one)
		h := &tar.Header{Name: e.name, Size: max(e.size, int64(len(e.text))), Mode: 0o644, Typeflag: e.typ, Linkname: e.link, Format: tar.FormatGNU}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.text != "" && e.size == 0 {
			if _, err := io.WriteString(w, e.text); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil && e.size == 0 {
			t.Fatal(err)
		}
		out.Write(one.Bytes())
		if e.size != 0 {
			out.WriteString(e.text)
		}
	}
	out.Write(make([]byte, 1024))
	return out.Bytes()
}

func TestOpenBadArchive(t *testing.T) {
	config := `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["` + digest + `"]}}`
	listing := `[{"Config":"c.json","RepoTags":["app:1"],"Layers":["l.tar"]}]`
	good := []tarEntry{{name: "manifest.json", text: listing}, {name: "c.json", text: config}, {name: "l.tar"}}
	var squeezed bytes.Buffer
	z := gzip.NewWriter(&squeezed)
	_, _ = z.Write(tarOf(t, good...))
	_ = z.Close()
	var many []tarEntry
	for i := range 100_001 {
		many = append(many, tarEntry{name: fmt.Sprint(i)})
	}
	for _, tc := range []struct {
		name string
		data []byte
		err  []string
		code int
	}{
		{"empty", nil, []string{"not a tar archive"}, 2},
		{"text", []byte(strings.Repeat("hello world\n", 100)), []string{"tar archive"}, 2},
		{"compressed", squeezed.Bytes(), []string{"compressed with gzip; decompress it first"}, 2},
		{"another tar", tarOf(t, tarEntry{name: "x", text: "y"}), []string{"manifest.json"}, 2},
		{"cut off", tarOf(t, good...)[:550], []string{"cut off"}, 2},
		{"no configuration", tarOf(t, good[0], good[2]), []string{"manifest.json names c.json, which is not in it"}, 2},
		{"no layer", tarOf(t, good[0], good[1]), []string{"manifest.json names l.tar, which is not in it"}, 2},
		{"a layer that leads round", tarOf(t, good[0], good[1], tarEntry{name: "l.tar", typ: tar.TypeSymlink, link: "k.tar"}, tarEntry{name: "k.tar", typ: tar.TypeSymlink, link: "l.tar"}), []string{"l.tar"}, 2},
		{"fewer layers than the configuration", tarOf(t, tarEntry{name: "manifest.json", text: `[{"Config":"c.json"}]`}, good[1]), []string{"1 layers"}, 2},
		{"no images", tarOf(t, tarEntry{name: "manifest.json", text: `[]`}), []string{"lists no image"}, 2},
		{"null", tarOf(t, tarEntry{name: "manifest.json", text: `null`}), []string{"lists no image"}, 2},
		{"a manifest that is no JSON", tarOf(t, tarEntry{name: "manifest.json", text: `{`}), []string{"reading manifest.json"}, 2},
		{"a configuration that is no JSON", tarOf(t, good[0], good[2], tarEntry{name: "c.json", text: `[`}), []string{"configuration c.json"}, 2},
		{"a manifest of the largest size", tarOf(t, tarEntry{name: "manifest.json", size: math.MaxInt64}), []string{"manifest.json", "9223372036854775807 bytes"}, 2},
		{"a layer of the largest size", tarOf(t, good[0], good[1], tarEntry{name: "l.tar", size: math.MaxInt64}), []string{"l.tar", "9223372036854775807 bytes"}, 2},
		{"a large manifest", tarOf(t, tarEntry{name: "manifest.json", text: strings.Repeat(" ", 5<<20)}), []string{"manifest.json", "limit of 4194304"}, 2},
		{"very many files", tarOf(t, many...), []string{"more than 100000 files"}, 2},
		{"a changed layer", tarOf(t, good[0], good[1], tarEntry{name: "l.tar", text: "x"}), []string{"l.tar", "has been changed"}, 1},
		{"good", tarOf(t, good...), nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "image.tar")
			if err := os.WriteFile(file, tc.data, 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := open(t, "docker-archive:"+file, oci.OpenOptions{})
			if err == nil {
				err = whole(got)
			}
			if tc.code == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wants(t, err, tc.code, append(tc.err, "docker archive "+file)...)
		})
	}
}

// TestOpenDocker takes an image out of the docker engine.
func TestOpenDocker(t *testing.T) {
	img := imageFor(t, "linux/s390x")
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	docker := func(_ context.Context, name string) (io.ReadCloser, error) {
		if name != "app:1" {
			return nil, fmt.Errorf("no such image: %s", name)
		}
		return os.Open(saved(t, map[string]v1.Image{name: img}))
	}
	got, err := open(t, "docker:app:1", oci.OpenOptions{Docker: docker})
	if err != nil {
		t.Fatal(err)
	}
	if err := whole(got); err != nil {
		t.Error(err)
	}
	if got.Place() != "docker engine index.docker.io/library/app:1" || got.Platform.Architecture != "s390x" {
		t.Errorf("%s for %v", got.Place(), got.Platform)
	}
	if _, err := open(t, "docker:two", oci.OpenOptions{Docker: docker}); err == nil || !strings.Contains(err.Error(), "docker engine index.docker.io/library/two") {
		t.Errorf("%v", err)
	}
	if left, err := filepath.Glob(filepath.Join(tmp, "whittle-*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// BenchmarkHostile opens what is made to fill the memory of a reader. What is
// allocated stays a small part of what is sent.
func BenchmarkHostile(b *testing.B) {
	large := newDir(b, func(layout.Path) error { return nil })
	if err := os.Truncate(filepath.Join(large, "index.json"), 100<<20); err != nil {
		b.Fatal(err)
	}
	var many []tarEntry
	for i := range 100_001 {
		many = append(many, tarEntry{name: fmt.Sprint(i)})
	}
	crowded := filepath.Join(b.TempDir(), "image.tar")
	if err := os.WriteFile(crowded, tarOf(b, many...), 0o600); err != nil {
		b.Fatal(err)
	}
	for name, tc := range map[string]struct {
		ref string
		max uint64 // bytes allocated in all for one try
	}{
		"index of 100 MiB":      {"oci:" + large, 1 << 20},
		"archive of 10^5 files": {"docker-archive:" + crowded, 128 << 20},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			n := 0
			for b.Loop() {
				if _, err := open(b, tc.ref, oci.OpenOptions{}); err == nil {
					b.Fatal("it was opened")
				}
				n++
			}
			runtime.ReadMemStats(&after)
			if each := (after.TotalAlloc - before.TotalAlloc) / uint64(n); each > tc.max {
				b.Errorf("%d bytes are allocated, more than %d", each, tc.max)
			}
		})
	}
}
