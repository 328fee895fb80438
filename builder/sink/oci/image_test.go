package oci_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/klauspost/compress/zstd"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/sink/oci"
	"github.com/whittle-oci/whittle/builder/tree"
)

var long = strings.Repeat("n", 255)

// everything is a plan with a file of each kind, and the tree it is from.
func everything() (*image.Plan, tree.Tree) {
	t := &tree.Memory{}
	capability := []byte{1, 0, 0, 2, 0, 4, 0, 0}
	t.Add("/app", tree.Entry{Mode: 0o755, Xattrs: map[string][]byte{"security.capability": capability, "security.selinux": []byte("x"), "user.note": []byte("y")}}, []byte("program"))
	t.File("/srv/"+long, 0o644, []byte("long"))
	t.File("/srv/\xff\xfe", 0o644, []byte("bytes"))
	p := &image.Plan{
		Entries: []image.Entry{
			{Path: "/app", Type: image.File, Source: "/app", Mode: 0o755 | fs.ModeSetuid, Size: 7},
			{Path: "/app2", Type: image.File, Source: "/app", Hardlink: "/app", Mode: 0o755 | fs.ModeSetuid},
			{Path: "/etc", Type: image.Dir, Mode: 0o755},
			{Path: "/etc/passwd", Type: image.File, Mode: 0o644, Size: 4, Data: []byte("root")},
			{Path: "/link", Type: image.Symlink, Mode: 0o777, Linkname: "../app"},
			{Path: "/srv", Type: image.Dir, Mode: 0o775, UID: 65532},
			{Path: "/srv/" + long, Type: image.File, Source: "/srv/" + long, Mode: 0o644, Size: 4},
			{Path: "/srv/\xff\xfe", Type: image.File, Source: "/srv/\xff\xfe", Mode: 0o644, UID: 1 << 21, GID: 1 << 22, Size: 5},
			{Path: "/tmp", Type: image.Dir, Mode: 0o777 | fs.ModeSticky},
		},
		Config: dockerspec.DockerOCIImageConfig{
			ImageConfig: ocispecs.ImageConfig{
				User: "65532:65532", Entrypoint: []string{"/app"}, Cmd: []string{"x"}, Env: []string{"A=b"}, WorkingDir: "/srv", StopSignal: "SIGQUIT",
				ExposedPorts: map[string]struct{}{"80/tcp": {}}, Volumes: map[string]struct{}{"/data": {}}, Labels: map[string]string{"l": "m"},
			},
			DockerOCIImageConfigExt: dockerspec.DockerOCIImageConfigExt{Healthcheck: &dockerspec.HealthcheckConfig{Test: []string{"CMD", "/app"}, Interval: time.Second}},
		},
	}
	p.Layers = []image.Layer{{Entries: p.Entries}}
	return p, t
}

func make1(t *testing.T, o oci.Options) v1.Image {
	t.Helper()
	p, tr := everything()
	img, err := oci.New(t.Context(), p, tr, o)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// list writes the entries of an image's one layer.
func list(t *testing.T, rc io.Reader) []string {
	t.Helper()
	var out []string
	tr := tar.NewReader(rc)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%c %04o %d:%d %d %s %s%s", h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.Unix(), strings.ReplaceAll(h.Name, long, "LONG"), h.Linkname, data)
		for k, v := range h.PAXRecords {
			if strings.HasPrefix(k, "SCHILY.") {
				line += fmt.Sprintf(" %s=%q", k, v)
			}
		}
		if h.Uname+h.Gname != "" || h.Devmajor != 0 {
			line += " names or numbers of this machine"
		}
		out = append(out, line)
	}
}

func TestLayer(t *testing.T) {
	img := make1(t, oci.Options{Created: time.Unix(86400, 0)})
	dir, err := layout.Write(t.TempDir(), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	index, err := dir.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	rc, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	want := []string{
		`0 4755 0:0 86400 app program SCHILY.xattr.security.capability="\x01\x00\x00\x02\x00\x04\x00\x00"`,
		`1 4755 0:0 86400 app2 app SCHILY.xattr.security.capability="\x01\x00\x00\x02\x00\x04\x00\x00"`,
		`5 0755 0:0 86400 etc/ `,
		`0 0644 0:0 86400 etc/passwd root`,
		`2 0777 0:0 86400 link ../app`,
		`5 0775 65532:0 86400 srv/ `,
		`0 0644 0:0 86400 srv/LONG long`,
		"0 0644 2097152:4194304 86400 srv/\xff\xfe bytes",
		`5 1777 0:0 86400 tmp/ `,
	}
	if d := cmp.Diff(want, list(t, rc)); d != "" {
		t.Errorf("layer (-want +got):\n%s", d)
	}
}

// TestConfig holds the configuration that is written to the plan's.
func TestConfig(t *testing.T) {
	img := make1(t, oci.Options{Architecture: "arm64", Variant: "v8"})
	raw, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var got dockerspec.DockerOCIImage
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	p, _ := everything()
	if d := cmp.Diff(p.Config, got.Config); d != "" {
		t.Errorf("config (-want +got):\n%s", d)
	}
	if got.OS != "linux" || got.Architecture != "arm64" || got.Variant != "v8" || got.Created == nil || got.Created.Unix() != 0 || len(got.RootFS.DiffIDs) != 1 || len(got.History) != 1 {
		t.Errorf("configuration %s", raw)
	}
}

// TestFixed makes the same image twice, and others with other options.
func TestFixed(t *testing.T) {
	digest := func(o oci.Options) string {
		t.Helper()
		d, err := make1(t, o).Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
	if a, b := digest(oci.Options{}), digest(oci.Options{Architecture: "amd64", Created: time.Unix(0, 0).UTC()}); a != b {
		t.Errorf("the zero options give %s, what they stand for %s", a, b)
	}
	if digest(oci.Options{}) == digest(oci.Options{Created: time.Unix(1, 0)}) {
		t.Error("the time of the image makes no difference")
	}
}

func TestZstd(t *testing.T) {
	img := make1(t, oci.Options{Zstd: true})
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if kind, err := layers[0].MediaType(); err != nil || kind != types.OCILayerZStd {
		t.Errorf("media type %s, %v", kind, err)
	}
	rc, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	z, err := zstd.NewReader(rc)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if got := list(t, z); len(got) != 9 {
		t.Errorf("the layer holds %q", got)
	}
}

// TestEmpty makes an image without files.
func TestEmpty(t *testing.T) {
	img, err := oci.New(t.Context(), &image.Plan{}, &tree.Memory{}, oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if layers, err := img.Layers(); err != nil || len(layers) != 0 {
		t.Errorf("%d layers, %v", len(layers), err)
	}
}

// TestGone makes an image of a file that is not there any more.
func TestGone(t *testing.T) {
	p, _ := everything()
	_, err := oci.New(t.Context(), p, &tree.Memory{}, oci.Options{})
	if err == nil || !strings.Contains(err.Error(), "writing /app") {
		t.Errorf("error %v", err)
	}
	// A file that has grown shorter must not give a broken layer.
	short := &tree.Memory{}
	short.AddFile("/app", tree.Entry{Mode: 0o755, Size: 7}, func() (io.ReaderAt, error) { return bytes.NewReader([]byte("pro")), nil })
	if _, err := oci.New(t.Context(), p, short, oci.Options{}); err == nil || !strings.Contains(err.Error(), "writing /app") {
		t.Errorf("error %v", err)
	}
}

// BenchmarkNew makes an image of 64 MiB that does not compress, and gives the
// memory that it holds: the layer lies in a file.
func BenchmarkNew(b *testing.B) {
	const size = 64 << 20
	t := &tree.Memory{}
	t.AddFile("/data", tree.Entry{Mode: 0o644, Size: size}, func() (io.ReaderAt, error) { return noise{}, nil })
	p := &image.Plan{Entries: []image.Entry{{Path: "/data", Type: image.File, Source: "/data", Mode: 0o644, Size: size}}}
	p.Layers = []image.Layer{{Entries: p.Entries}}
	b.SetBytes(size)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		img, err := oci.New(b.Context(), p, t, oci.Options{})
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		if b.ReportMetric(float64(held)/1e6, "MB-held"); held > size/16 {
			b.Errorf("the image holds %d bytes of memory", held)
		}
		img.Close()
	}
}

// noise is content without end.
type noise struct{}

// ReadAt implements io.ReaderAt.
func (noise) ReadAt(b []byte, off int64) (int, error) {
	r := rand.NewChaCha8([32]byte{byte(off), byte(off >> 8), byte(off >> 16), byte(off >> 24), byte(off >> 32)})
	return r.Read(b)
}
