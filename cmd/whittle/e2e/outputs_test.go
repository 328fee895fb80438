//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/klauspost/compress/zstd"
)

// inLayout reads the one image of an OCI layout and holds it to the
// specification.
func inLayout(t *testing.T, dir string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Errorf("%s is not a valid layout: %v", dir, err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Manifests) != 1 {
		t.Fatalf("%s holds %d images", dir, len(m.Manifests))
	}
	img, err := index.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// inLayoutTar does the same with an OCI layout in a tar.
func inLayoutTar(t *testing.T, file string) v1.Image {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xf", file, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return inLayout(t, dir)
}

// inDockerTar reads what docker load reads.
func inDockerTar(t *testing.T, file string) v1.Image {
	t.Helper()
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Errorf("%s is not a valid image: %v", file, err)
	}
	return img
}

// layer gives the media type, the compressed bytes and the diff ID of an
// image's only layer.
func layer(t *testing.T, img v1.Image) (kind types.MediaType, compressed []byte, diffID string) {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 {
		t.Fatalf("%d layers, want one", len(layers))
	}
	if kind, err = layers[0].MediaType(); err != nil {
		t.Fatal(err)
	}
	rc, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if compressed, err = io.ReadAll(rc); err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return kind, compressed, config.RootFS.DiffIDs[0].String()
}

// bestGzip holds a layer to gzip at its best level, which the header's extra
// flags tell (RFC 1952, section 2.3.1, XFL).
func bestGzip(t *testing.T, img v1.Image) {
	t.Helper()
	const maximum = 2
	kind, compressed, _ := layer(t, img)
	if kind != types.OCILayer || !bytes.HasPrefix(compressed, []byte{0x1f, 0x8b}) || compressed[8] != maximum {
		t.Errorf("the layer is %s and begins with % x, want gzip at its best level", kind, compressed[:10])
	}
}

// isZstd holds a layer to zstd: what comes out has the diff ID.
func isZstd(t *testing.T, img v1.Image) {
	t.Helper()
	kind, compressed, diffID := layer(t, img)
	if kind != types.OCILayerZStd {
		t.Errorf("the layer is %s", kind)
	}
	d, err := zstd.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	h, _, err := v1.SHA256(d)
	if err != nil || h.String() != diffID {
		t.Errorf("the layer has the content %s, want %s (%v)", h, diffID, err)
	}
}

// same holds an image to the digest of another.
func same(t *testing.T, what string, got v1.Image, want v1.Hash) {
	t.Helper()
	if h, err := got.Digest(); err != nil || h != want {
		t.Errorf("%s holds %s, want %s (%v)", what, h, want, err)
	}
}

// TestOutputs writes the same image to a registry, as a layout and as tars, and
// with the other compression, and reads each back.
func TestOutputs(t *testing.T) {
	dir, ref := t.TempDir(), reference("outputs")
	layoutDir, ociTar, dockerTar := filepath.Join(dir, "layout"), filepath.Join(dir, "oci.tar"), filepath.Join(dir, "docker.tar")
	meta, iid := filepath.Join(dir, "meta.json"), filepath.Join(dir, "iid")
	res := whittle(t, shared(), "build", "testdata/apps/gohello", "-t", ref, "--push", "--progress", "quiet", "--metadata-file", meta, "--iidfile", iid,
		"-o", "type=oci,tar=false,dest="+layoutDir, "-o", "type=oci,dest="+ociTar, "-o", "type=docker,dest="+dockerTar)
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	pushed := pull(t, ref)
	bestGzip(t, pushed)
	want, err := pushed.Digest()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the layout", inLayout(t, layoutDir), want)
	same(t, "the OCI tar", inLayoutTar(t, ociTar), want)
	loaded := inDockerTar(t, dockerTar)
	for _, img := range []v1.Image{inLayout(t, layoutDir), loaded} {
		runs(t, img, "Hello, world!")
	}
	id, err := os.ReadFile(iid)
	if err != nil {
		t.Fatal(err)
	}
	if config, err := loaded.ConfigName(); err != nil || config.String() != string(id) {
		t.Errorf("the docker tar holds %s, want the image ID %s (%v)", config, id, err)
	}
	var m map[string]any
	data, err := os.ReadFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	if _, ok := m["containerimage.descriptor"].(map[string]any); !ok || m["image.name"] != ref || m["containerimage.digest"] != want.String() {
		t.Errorf("metadata %s", data)
	}

	ref = reference("zstd")
	if res := whittle(t, shared(), "build", "testdata/apps/gohello", "-t", ref, "--push", "--compression", "zstd", "--progress", "quiet"); res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	// validate reads gzip only, so this image is looked at without it.
	img := fetch(t, ref)
	isZstd(t, img)
	runs(t, img, "Hello, world!")
}

// TestPackOutputs does the same without BuildKit.
func TestPackOutputs(t *testing.T) {
	dir := t.TempDir()
	pack := func(args ...string) string {
		t.Helper()
		res := run(t, nil, world.bin, append([]string{"pack", "/bin/busybox", "--cmd", "echo packed"}, args...)...)
		if res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		return strings.TrimSpace(res.stdout)
	}
	ref := reference("packed")
	digest, err := v1.NewHash(pack("-t", ref, "--push"))
	if err != nil {
		t.Fatal(err)
	}
	pushed := pull(t, ref)
	same(t, "the registry", pushed, digest)
	bestGzip(t, pushed)
	runs(t, pushed, "packed")

	at := func(name string) string { return filepath.Join(dir, name) }
	pack("-o", "type=oci,dest="+at("oci.tar"))
	same(t, "the OCI tar", inLayoutTar(t, at("oci.tar")), digest)
	pack("-o", "type=oci,dest="+at("again.tar"))
	if one, err := os.ReadFile(at("oci.tar")); err != nil {
		t.Error(err)
	} else if two, err := os.ReadFile(at("again.tar")); err != nil || !bytes.Equal(one, two) {
		t.Errorf("the tars of two runs differ (%v)", err)
	}
	pack("-o", "type=oci,tar=false,dest="+at("layout"))
	same(t, "the layout", inLayout(t, at("layout")), digest)
	pack("-t", "e2e/packed:1", "-o", "type=docker,dest="+at("docker.tar"))
	runs(t, inDockerTar(t, at("docker.tar")), "packed")

	ref = reference("packed")
	pack("-t", ref, "--push", "--compression", "zstd")
	isZstd(t, fetch(t, ref))

	for want, args := range map[string][]string{
		"exists already":              {"-o", "type=oci,tar=false,dest=" + at("layout")},
		"a docker tar needs a name":   {"-o", "type=docker,dest=" + at("x.tar")},
		`"compress=1" is not known`:   {"-o", "type=oci,compress=1,dest=" + at("x.tar")},
		`"DIR" is not known`:          {"-o", "DIR"},
		"neither true nor false":      {"-o", "type=oci,tar=perhaps,dest=" + at("x.tar")},
		"want type=oci,dest=FILE":     {"-o", "type=tar,dest=" + at("x.tar")},
		"no such file or directory":   {"-o", "type=oci,dest=" + at("nowhere/x.tar")},
		"--compression brotli: want":  {"--compression", "brotli"},
		"--push and --load need a na": {"--push"},
	} {
		res := run(t, nil, world.bin, append([]string{"pack", "/bin/busybox"}, args...)...)
		if res.code == 0 || !strings.Contains(res.stderr, want) {
			t.Errorf("%v: exit %d, want %q in\n%s", args, res.code, want, res.stderr)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 4 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
