package oci_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/builder/oci"
)

// imageFor makes an image for OS/ARCH[/VARIANT], or for none.
func imageFor(t testing.TB, platform string) v1.Image {
	t.Helper()
	img, err := random.Image(512, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "", ""
	if platform != "" {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
}

// indexOf makes an index. Where declare is set, it says what its images are
// for.
func indexOf(t testing.TB, declare bool, images ...v1.Image) v1.ImageIndex {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, img := range images {
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		add := mutate.IndexAddendum{Add: img}
		if declare {
			add.Descriptor = v1.Descriptor{Platform: config.Platform()}
		}
		index = mutate.AppendManifests(index, add)
	}
	return index
}

// attested adds what BuildKit adds: an attestation manifest, which is for no
// platform.
func attested(t testing.TB, index v1.ImageIndex) v1.ImageIndex {
	t.Helper()
	return mutate.AppendManifests(index, mutate.IndexAddendum{Add: imageFor(t, "unknown/unknown"), Descriptor: v1.Descriptor{
		Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}, Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
	}})
}

// signature is an artifact that refers to an image.
func signature(t testing.TB, subject v1.Image) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.oci.empty.v1+json"), static.NewLayer([]byte("{}"), "application/x"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := partialDescriptor(subject)
	if err != nil {
		t.Fatal(err)
	}
	return mutate.Subject(img, d).(v1.Image)
}

func partialDescriptor(img v1.Image) (v1.Descriptor, error) {
	h, err := img.Digest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	n, err := img.Size()
	return v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: h, Size: n}, err
}

// newDir makes an OCI layout with what is added to it.
func newDir(t testing.TB, add func(p layout.Path) error) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	p, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = add(p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, ref string, o oci.OpenOptions) (*oci.Source, error) {
	t.Helper()
	r, err := oci.ParseRef(ref)
	if err != nil {
		t.Fatal(err)
	}
	if o.Client.Wait == 0 {
		o.Client = quick
	}
	s, err := oci.Open(t.Context(), r, o)
	if err == nil {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return s, err
}

// whole reads an image to its end.
func whole(img v1.Image) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		rc, err := l.Uncompressed()
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, rc)
		if err := errors.Join(err, rc.Close()); err != nil {
			return err
		}
	}
	return nil
}

func digestOf(t testing.TB, img interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func platform(t testing.TB, s string) *v1.Platform {
	t.Helper()
	if s == "" {
		return nil
	}
	p, err := v1.ParsePlatform(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var host = "linux/" + runtime.GOARCH

func TestOpenPlatform(t *testing.T) {
	s390x, arm64, armv7 := imageFor(t, "linux/s390x"), imageFor(t, "linux/arm64"), imageFor(t, "linux/arm/v7")
	own, none := imageFor(t, host), imageFor(t, "")
	armv6 := imageFor(t, "linux/arm/v6")
	nested := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: indexOf(t, true, own, s390x)})
	for _, tc := range []struct {
		name string
		put  any
		ask  string
		want any    // image, or
		err  string // what the error says
		is   string // the platform
	}{
		{"a single image", s390x, "", s390x, "", "linux/s390x"},
		{"a single image, asked for", s390x, "linux/s390x", s390x, "", "linux/s390x"},
		{"a single image, asked for with its default variant", arm64, "linux/arm64/v8", arm64, "", "linux/arm64"},
		{"a single image by another name of its architecture", arm64, "linux/aarch64", arm64, "", "linux/arm64"},
		{"a single image with a variant", armv7, "linux/arm", armv7, "", "linux/arm/v7"},
		{"another platform than a single image's", s390x, "linux/amd64", nil, "is an image for linux/s390x, not for linux/amd64", ""},
		{"another variant than a single image's", armv7, "linux/arm/v6", nil, "is an image for linux/arm/v7, not for linux/arm/v6", ""},
		{"an image for no platform", none, "", nil, "does not say which architecture it is for; say so with --platform", ""},
		{"an image for no platform, asked for", none, "linux/riscv64", none, "", "linux/riscv64"},
		{"an index", indexOf(t, true, s390x, own), "", own, "", host},
		{"an index, asked for", indexOf(t, true, own, s390x), "linux/s390x", s390x, "", "linux/s390x"},
		{"an index that says nothing of platforms", indexOf(t, false, s390x, own), "", own, "", host},
		{"an index with an attestation in front", attestedFirst(t, own), "", own, "", host},
		{"an index with an attestation", attested(t, indexOf(t, true, s390x)), "linux/s390x", s390x, "", "linux/s390x"},
		{"an index without this machine's platform", attested(t, indexOf(t, true, s390x, armv7)), "", nil, "has no image for " + host + ", which is this machine's platform; choose one with --platform: linux/s390x, linux/arm/v7", ""},
		{"an index without a platform", indexOf(t, true, own, s390x), "linux/riscv64", nil, "has no image for linux/riscv64; it has " + host + ", linux/s390x", ""},
		{"an index of attestations", attested(t, indexOf(t, true)), "", nil, "nor for any other platform", ""},
		{"variants", indexOf(t, true, armv6, armv7), "linux/arm", armv7, "", "linux/arm/v7"},
		{"a variant", indexOf(t, true, armv7, armv6), "linux/arm/v6", armv6, "", "linux/arm/v6"},
		{"an index in an index", nested, "linux/s390x", s390x, "", "linux/s390x"},
	} {
		for _, place := range []string{"registry", "OCI layout", "OCI archive"} {
			t.Run(tc.name+", "+place, func(t *testing.T) {
				ref := keep(t, place, tc.put)
				got, err := open(t, ref, oci.OpenOptions{Platform: platform(t, tc.ask)})
				if tc.want == nil {
					if err == nil || !strings.Contains(err.Error(), tc.err) || !strings.HasPrefix(err.Error(), place+" ") {
						t.Fatalf("%v; want %s and %q", err, place, tc.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if digestOf(t, got) != digestOf(t, tc.want.(v1.Image)) || oci.FormatPlatform(got.Platform) != tc.is {
					t.Errorf("%s for %s", digestOf(t, got), oci.FormatPlatform(got.Platform))
				}
				if !strings.HasPrefix(got.Place(), place+" ") {
					t.Errorf("it was read from %s", got.Place())
				}
				if err := whole(got); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func attestedFirst(t testing.TB, img v1.Image) v1.ImageIndex {
	t.Helper()
	return mutate.AppendManifests(attested(t, indexOf(t, true)), mutate.IndexAddendum{Add: img})
}

// keep puts an image or index somewhere and names it.
func keep(t testing.TB, place string, what any) string {
	t.Helper()
	if place == "registry" {
		ref := serve(t, newRegistry()) + "/app:1"
		tag, err := oci.ParseTag(ref)
		if err != nil {
			t.Fatal(err)
		}
		if img, ok := what.(v1.Image); ok {
			err = remote.Write(tag, img)
		} else {
			err = remote.WriteIndex(tag, what.(v1.ImageIndex))
		}
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	dir := newDir(t, func(p layout.Path) error {
		if img, ok := what.(v1.Image); ok {
			return p.AppendImage(img)
		}
		return p.AppendIndex(what.(v1.ImageIndex))
	})
	if place == "OCI layout" {
		return "oci:" + dir
	}
	return "oci-archive:" + packed(t, dir)
}

// packed makes a tar of a directory.
func packed(t testing.TB, dir string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOpenChooses(t *testing.T) {
	a, b := imageFor(t, "linux/s390x"), imageFor(t, "linux/s390x")
	named := func(n string) layout.Option {
		return layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": n})
	}
	inner := indexOf(t, true, imageFor(t, host), a)
	dir := newDir(t, func(p layout.Path) error {
		return errors.Join(p.AppendImage(a, named("one")), p.AppendImage(b, named("ghcr.io/acme/app:2")), p.AppendImage(signature(t, a)))
	})
	deep := newDir(t, func(p layout.Path) error { return p.AppendIndex(inner) })
	twice := newDir(t, func(p layout.Path) error {
		return errors.Join(p.AppendImage(a, named("one")), p.AppendImage(a, named("two")), p.AppendImage(signature(t, a)))
	})
	colon := filepath.Join(t.TempDir(), "a:b")
	if err := os.Rename(newDir(t, func(p layout.Path) error { return p.AppendImage(a) }), colon); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		ref  string
		want v1.Image
		err  string
	}{
		{"oci:" + dir + ":one", a, ""},
		{dir + ":one", a, ""},
		{dir + ":2", b, ""},
		{dir + ":ghcr.io/acme/app:2", b, ""},
		{dir + "@" + digestOf(t, b), b, ""},
		{deep + "@" + digestOf(t, a), a, ""},
		{twice, a, ""},
		{colon, a, ""},
		{dir, nil, "holds several images"},
		{dir + ":three", nil, "holds no image named three; there is one, ghcr.io/acme/app:2"},
		{dir + "@" + digest, nil, "the manifest is missing"},
		{"oci:" + dir + "/gone", nil, "no such file"},
		{"docker-archive:" + dir, nil, "it is a directory"},
		{"oci:" + packed(t, dir), nil, "it is a file"},
	} {
		t.Run(tc.ref, func(t *testing.T) {
			got, err := open(t, tc.ref, oci.OpenOptions{Platform: platform(t, "linux/s390x")})
			if tc.want == nil {
				if bad, ok := errors.AsType[*oci.FormatError](err); !ok || bad.ExitCode() != 2 || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("%v; want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if digestOf(t, got) != digestOf(t, tc.want) {
				t.Error("another image was opened")
			}
		})
	}
}

// TestOpenBadLayout opens layouts that are broken or want to break the reader.
func TestOpenBadLayout(t *testing.T) {
	img := imageFor(t, host)
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	manifest, config, layer := digestOf(t, img), m.Config.Digest.String(), m.Layers[1].Digest.String()
	blob := func(dir, digest string) string {
		return filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
	}
	flip := func(digest string) func(string) error {
		return func(dir string) error {
			data, err := os.ReadFile(blob(dir, digest))
			if err != nil {
				return err
			}
			data[len(data)/2] ^= 1
			return os.WriteFile(blob(dir, digest), data, 0o600)
		}
	}
	write := func(name, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	}
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
	}
	for _, tc := range []struct {
		name   string
		change func(dir string) error
		err    []string
		code   int
	}{
		{"no index", remove("index.json"), []string{"index.json"}, 2},
		{"no oci-layout", remove("oci-layout"), []string{"not an OCI layout", "oci-layout"}, 2},
		{"another version", write("oci-layout", `{"imageLayoutVersion":"2.0.0"}`), []string{`"2.0.0"`}, 2},
		{"oci-layout is no JSON", write("oci-layout", `x`), []string{"not an OCI layout"}, 2},
		{"an empty index", write("index.json", `{"schemaVersion":2,"manifests":[]}`), []string{"no image"}, 2},
		{"an index that is no JSON", write("index.json", `[`), []string{"reading the index"}, 2},
		{"a large index", func(dir string) error { return os.Truncate(filepath.Join(dir, "index.json"), 100<<20) }, []string{"index.json", "limit of 4194304"}, 2},
		{"an index of a pipe", func(dir string) error {
			return errors.Join(remove("index.json")(dir), os.Mkdir(filepath.Join(dir, "index.json"), 0o700))
		}, []string{"not a regular file"}, 2},
		{"a way out", func(dir string) error {
			return errors.Join(remove("index.json")(dir), os.Symlink("/etc/passwd", filepath.Join(dir, "index.json")))
		}, []string{"index.json", "escapes"}, 2},
		{"a changed manifest", flip(manifest), []string{manifest, "manifest has been changed"}, 1},
		{"a changed configuration", flip(config), []string{config, "configuration has been changed"}, 1},
		{"a changed layer", flip(layer), []string{layer, "blob has been changed"}, 1},
		{"a cut layer", func(dir string) error { return os.Truncate(blob(dir, layer), 100) }, []string{layer, "blob has been changed"}, 1},
		{"a longer layer", func(dir string) error { return os.Truncate(blob(dir, layer), 1<<30) }, []string{layer, "blob has been changed"}, 1},
		{"no manifest", func(dir string) error { return os.Remove(blob(dir, manifest)) }, []string{manifest, "manifest is missing"}, 2},
		{"no configuration", func(dir string) error { return os.Remove(blob(dir, config)) }, []string{config, "configuration is missing"}, 2},
		{"no layer", func(dir string) error { return os.Remove(blob(dir, layer)) }, []string{layer, "blob is missing"}, 2},
		{"a large configuration", func(dir string) error { return os.Truncate(blob(dir, config), 1<<40) }, []string{config, "limit of 4194304"}, 2},
		{"itself in the index", func(dir string) error {
			return write("index.json", cyclic(t, dir))(dir)
		}, []string{"index", "changed"}, 1},
		{"indexes without end", func(dir string) error { return write("index.json", chain(t, dir, 100))(dir) }, []string{"nested more than 8 deep"}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := newDir(t, func(p layout.Path) error { return p.AppendImage(img) })
			if err := tc.change(dir); err != nil {
				t.Fatal(err)
			}
			got, err := open(t, "oci:"+dir, oci.OpenOptions{})
			if err == nil {
				err = whole(got)
			}
			wants(t, err, tc.code, append(tc.err, "OCI layout "+dir)...)
		})
	}
}

// wants holds an error to its words and its exit code.
func wants(t *testing.T, err error, code int, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err)
	if !ok || coded.ExitCode() != code {
		t.Errorf("%T has not the exit code %d: %v", err, code, err)
	}
}

// TestOpenBadRegistry asks a registry that changes what it is asked for.
func TestOpenBadRegistry(t *testing.T) {
	img := imageFor(t, host)
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for what, digest := range map[string]string{"manifest": digestOf(t, img), "configuration": m.Config.Digest.String(), "blob": m.Layers[1].Digest.String()} {
		t.Run(what, func(t *testing.T) {
			reg := newRegistry()
			name := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, digest) {
					reg.ServeHTTP(w, r)
					return
				}
				answer := httptest.NewRecorder()
				reg.ServeHTTP(answer, r)
				body := answer.Body.Bytes()
				body[len(body)/2] ^= 1
				maps.Copy(w.Header(), answer.Header())
				_, _ = w.Write(body)
			})) + "/app"
			tag, err := oci.ParseTag(name + ":1")
			if err == nil {
				err = remote.WriteIndex(tag, indexOf(t, true, img))
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := open(t, name+":1", oci.OpenOptions{})
			if err == nil {
				err = whole(got)
			}
			wants(t, err, 1, "registry "+name+"@"+digest, what+" has been changed")
		})
	}
}

// cyclic makes two indexes that hold each other, which only lying digests can
// say, and gives an index.json with one of them.
func cyclic(t *testing.T, dir string) string {
	t.Helper()
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	entry := func(hex string) string {
		return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%[1]q,"digest":"sha256:%s","size":1}]}`, types.OCIImageIndex, hex)
	}
	for hex, other := range map[string]string{a: b, b: a} {
		if err := os.WriteFile(filepath.Join(dir, "blobs", "sha256", hex), []byte(entry(other)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return entry(a)
}

// chain makes n indexes, each of which holds the one before.
func chain(t *testing.T, dir string, n int) string {
	t.Helper()
	raw := []byte(`{"schemaVersion":2,"manifests":[]}`)
	for range n {
		h, size, err := v1.SHA256(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "blobs", "sha256", h.Hex), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		raw, err = json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{{MediaType: types.OCIImageIndex, Digest: h, Size: size}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return string(raw)
}

func TestDirPut(t *testing.T) {
	dir := newDir(t, func(layout.Path) error { return nil })
	data := []byte("signature")
	h, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "blobs", "sha256", h.Hex)
	for _, there := range []string{"", "signaturf", "signature"} {
		if there != "" {
			if err := os.WriteFile(file, []byte(there), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := oci.Dir(dir).Put(data); err != nil {
			t.Fatal(err)
		}
		if got, err := oci.Dir(dir).Blob(h, 100, "blob"); err != nil || string(got) != "signature" {
			t.Errorf("%q, %v", got, err)
		}
	}
}
