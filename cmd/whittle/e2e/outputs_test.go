//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
		"is a directory, not a file":   {"-o", "type=oci,dest=" + at("layout")},
		"is a file, not a directory":   {"-o", at("oci.tar")},
		"a docker tar needs a name":    {"-o", "type=docker,dest=" + at("x.tar")},
		`"compress=1" is not known`:    {"-o", "type=oci,compress=1,dest=" + at("x.tar")},
		"there is no build cache here": {"-o", "type=cacheonly"},
		"neither true nor false":       {"-o", "type=oci,tar=perhaps,dest=" + at("x.tar")},
		`the type "zip" is none of`:    {"-o", "type=zip,dest=" + at("x.tar")},
		"no such file or directory":    {"-o", "type=oci,dest=" + at("nowhere/x.tar")},
		"--compression brotli: want":   {"--compression", "brotli"},
		"--push and --load need a na":  {"--push"},
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

// TestBuildStdout writes the archive to standard output and nothing else; what
// else there is to say goes to standard error.
func TestBuildStdout(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	build := func(args ...string) result {
		t.Helper()
		res := whittle(t, shared(), append([]string{"build", "testdata/apps/gohello", "-t", "e2e/stdout:1", "--progress", "quiet"}, args...)...)
		if res.code != 0 {
			t.Fatalf("%v: exit %d\n%s", args, res.code, res.stderr)
		}
		return res
	}
	for _, kind := range []string{"oci", "docker", "tar"} {
		digest := build("-o", "type="+kind+",dest="+file).stdout
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"type=" + kind + ",dest=-"}, {"type=" + kind + ",dest=/dev/stdout", "-q"}, {"type=" + kind + ",dest=-", "--json"}} {
			res := build(append([]string{"-o"}, args...)...)
			if res.stdout != string(want) {
				t.Errorf("%v: %d bytes on standard output, %d in a file", args, len(res.stdout), len(want))
			}
			if !strings.Contains(res.stderr, strings.TrimSpace(digest)) {
				t.Errorf("%v: the digest is not on standard error\n%s", args, res.stderr)
			}
		}
	}
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `{ "$0" build testdata/apps/gohello --progress quiet -o type=oci; echo "exit $?" >&2; } | head -c 1`, world.bin)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+shared(), "BUILDKITD_CONFIG="+world.config)
	cmd.Dir, cmd.Stderr = world.root, &errs
	if out, err := cmd.Output(); err != nil || len(out) != 1 || !strings.Contains(errs.String(), "write standard output: broken pipe") || !strings.Contains(errs.String(), "exit 3") {
		t.Errorf("a reader that leaves: %q, %v\n%s", out, err, errs.String())
	}
	res := whittle(t, shared(), "build", "testdata/apps/gohello", "-o", "type=oci", "--iidfile", "/dev/stdout")
	if res.code != 2 || res.stdout != "" || !strings.Contains(res.stderr, "/dev/stdout is standard output, which an output takes") {
		t.Errorf("exit %d\n%s%s", res.code, res.stdout, res.stderr)
	}
}

// TestBuildDevices writes to what is no file, and replaces none of it.
func TestBuildDevices(t *testing.T) {
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
			res := whittle(t, shared(), "build", "testdata/apps/gohello", "-t", "e2e/device:1", "--progress", "quiet", "-o", "type="+kind+",dest="+dest)
			if full := dest == "/dev/full"; !full && res.code != 0 || full && (res.code != 3 || !strings.Contains(res.stderr, "write /dev/full: no space left on device")) {
				t.Errorf("%s to %s: exit %d\n%s", kind, dest, res.code, res.stderr)
			}
			if after, err := os.Lstat(dest); err != nil || after.Mode() != before.Mode() {
				t.Fatalf("%s was %v and is %v (%v)", dest, before.Mode(), after.Mode(), err)
			}
		}
		if n := <-read; n < 512 {
			t.Errorf("%s: the pipe was given %d bytes", kind, n)
		}
	}
}

// TestBuildIntoWhatExists leaves what is there as it was when the build fails,
// and adds to it when the build goes well.
func TestBuildIntoWhatExists(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"empty", "full", "layout"} {
		if err := os.Mkdir(at(name), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"full/hello": "old", "full/own": "own", "file": "old",
		"layout/oci-layout": `{"imageLayoutVersion":"1.0.0"}`, "layout/index.json": `{"schemaVersion":2,"manifests":[]}`,
	} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	listing := func() string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "find", dir, "-mindepth", "1", "-printf", "%P %i %m %s\\n").Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(out), "\n")
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	outputs := []string{
		"-o", at("empty"), "-o", "type=local,dest=" + at("full"), "-o", "type=oci,dest=" + at("file"),
		"-o", "type=local,dest=" + at("new/local"), "-o", "type=tar,dest=" + at("new.tar"), "-o", "type=oci,tar=false,dest=" + at("layout"),
	}
	before := listing()
	res := whittle(t, shared(), append([]string{"build", dockerfile(t, "FROM muslbox:1\nRUN false\nCMD [\"/bin/busybox\"]\n"), "--progress", "quiet"}, outputs...)...)
	if after := listing(); res.code != 3 || after != before {
		t.Errorf("a build that fails: exit %d\n%s\nbefore:\n%s\nafter:\n%s", res.code, res.stderr, before, after)
	}
	res = whittle(t, shared(), append([]string{"build", "testdata/apps/gohello", "-t", "e2e/into:1", "--progress", "quiet"}, outputs...)...)
	if res.code != 0 || !strings.Contains(res.stderr, at("full")+" is not empty: files of the same names are replaced") {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	for _, name := range []string{"empty/hello", "full/hello", "new/local/hello", "new.tar", "file", "layout/index.json"} {
		if info, err := os.Stat(at(name)); err != nil || info.Size() < 100 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if own, err := os.ReadFile(at("full/own")); err != nil || string(own) != "own" {
		t.Errorf("the user's file has %q (%v)", own, err)
	}
	if info, err := os.Stat(at("empty")); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("the user's directory has mode %v (%v)", info.Mode(), err)
	}
	inLayout(t, at("layout"))
	if left, _ := filepath.Glob(at("*/.whittle-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	res = whittle(t, shared(), "build", "testdata/apps/gohello", "--progress", "quiet", "-o", "type=oci,tar=false,dest="+at("full"))
	if res.code != 2 || !strings.Contains(res.stderr, "is not empty, and no image can be added to it") {
		t.Errorf("exit %d\n%s", res.code, res.stderr)
	}
}
