package pack_test

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/pack"
)

func TestParseSource(t *testing.T) {
	for text, want := range map[string]pack.Source{
		"./server":        {Host: "./server", Dest: "/server"},
		"out/server/":     {Host: "out/server/", Dest: "/server"},
		"./a:/srv/../b":   {Host: "./a", Dest: "/b"},
		"./public:/srv/x": {Host: "./public", Dest: "/srv/x"},
	} {
		got, err := pack.ParseSource(text)
		if err != nil || got != want {
			t.Errorf("%q is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", ":/x", "./a:relative"} {
		if got, err := pack.ParseSource(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// app writes a program and files beside it, and returns their directory.
func app(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"server":          elftest.File{Machine: elf.EM_AARCH64}.Bytes(),
		"tls":             elftest.File{Text: "/etc/ssl/certs"}.Bytes(),
		"public/index":    []byte("hello"),
		"public/.env":     []byte("A=1"),
		"public/tool.txt": []byte("x"),
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if bytes.HasPrefix(data, []byte("\x7fELF")) {
			mode = 0o755
		}
		if err := os.WriteFile(name, data, mode); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"current": "public", "latest": "server"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func packed(t *testing.T, config dockerspec.DockerOCIImageConfig, sources ...pack.Source) *pack.Packed {
	t.Helper()
	p, err := pack.Files(t.Context(), sources, config, decide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func names(p *image.Plan) []string {
	var out []string
	for _, e := range p.Entries {
		if e.Type != image.Dir {
			out = append(out, e.Path)
		}
	}
	return out
}

func TestFiles(t *testing.T) {
	dir := app(t)
	p := packed(t, dockerspec.DockerOCIImageConfig{}, pack.Source{Host: filepath.Join(dir, "server"), Dest: "/server"}, pack.Source{Host: filepath.Join(dir, "public"), Dest: "/srv/public"})
	if d := cmp.Diff([]string{"/server", "/srv/public/index", "/srv/public/tool.txt"}, names(p.Plan)); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	if p.Architecture != "arm64" || !slices.Equal(p.Plan.Config.Entrypoint, []string{"/server"}) || p.Plan.Config.User != "65532:65532" {
		t.Errorf("architecture %s, entrypoint %q, user %s", p.Architecture, p.Plan.Config.Entrypoint, p.Plan.Config.User)
	}
	if len(p.Plan.Warnings) != 1 || !strings.Contains(p.Plan.Warnings[0].Message, "/srv/public/.env was left out") {
		t.Errorf("warnings %+v", p.Plan.Warnings)
	}
}

// TestLinks packs what links lead to.
func TestLinks(t *testing.T) {
	dir := app(t)
	p := packed(t, dockerspec.DockerOCIImageConfig{}, pack.Source{Host: filepath.Join(dir, "latest"), Dest: "/app"}, pack.Source{Host: filepath.Join(dir, "current"), Dest: "/www"})
	if d := cmp.Diff([]string{"/app", "/www/index", "/www/tool.txt"}, names(p.Plan)); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
}

// TestTrust packs a program that wants authorities: those of this machine stay
// on it, whatever they are.
func TestTrust(t *testing.T) {
	p := packed(t, dockerspec.DockerOCIImageConfig{}, pack.Source{Host: filepath.Join(app(t), "tls"), Dest: "/tls"})
	e, ok := p.Plan.Find("/etc/ssl/certs/ca-certificates.crt")
	if !ok || e.Source != "" || !bytes.Contains(e.Data, []byte("Mozilla")) {
		t.Errorf("the bundle is from %q: %s", e.Source, e.Reason)
	}
}

func TestRefused(t *testing.T) {
	dir := app(t)
	for _, tc := range []struct {
		sources []pack.Source
		want    string
	}{
		{[]pack.Source{{Host: filepath.Join(dir, "public"), Dest: "/srv"}}, "nothing to run: none of the files is executable"},
		{[]pack.Source{{Host: filepath.Join(dir, "gone"), Dest: "/gone"}}, "no such file"},
	} {
		if _, err := pack.Files(t.Context(), tc.sources, dockerspec.DockerOCIImageConfig{}, decide.Options{}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, want %q", err, tc.want)
		}
	}
}

// TestImage makes an existing image small.
func TestImage(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range map[string][]byte{"app": elftest.File{}.Bytes(), "srv/page": []byte("x"), "var/cache/apt/pkgcache.bin": []byte("x")} {
		mode := int64(0o644)
		if name == "app" {
			mode = 0o755
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config.Entrypoint, config.Config.Env = []string{"/app"}, []string{"PATH=/bin", "GOPATH=/go"}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	s, err := pack.Image(t.Context(), &oci.Source{Image: img, Platform: v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}}, decide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Tree.Close()
	if d := cmp.Diff([]string{"/app", "/srv/page"}, names(s.Plan)); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	if len(s.Plan.Config.Env) != 0 {
		t.Errorf("environment %q", s.Plan.Config.Env)
	}
	if oci.FormatPlatform(s.Platform) != "linux/arm64/v8" {
		t.Errorf("for %v", s.Platform)
	}
	_, err = pack.Image(t.Context(), &oci.Source{Image: img, Platform: v1.Platform{OS: "windows", Architecture: "amd64"}}, decide.Options{})
	if _, ok := errors.AsType[*image.RefusedError](err); !ok {
		t.Errorf("windows: %v", err)
	}
}
