package oci_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/whittle-oci/whittle/builder/oci"
)

// sample is an image of a small tree. Its second layer is its first, so that
// one blob is there twice.
func sample(t testing.TB) v1.Image {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o555},
		{Name: "etc/file", Typeflag: tar.TypeReg, Mode: 0o640, Size: 4},
		{Name: "etc/same", Typeflag: tar.TypeLink, Linkname: "etc/file"},
		{Name: "etc/link", Typeflag: tar.TypeSymlink, Linkname: "/etc/file"},
	} {
		h.ModTime = time.Unix(86400, 0)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte("text")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), l, l)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func tags(t testing.TB, list ...string) []name.Tag {
	t.Helper()
	var out []name.Tag
	for _, s := range list {
		tag, err := oci.ParseTag(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, tag)
	}
	return out
}

// write writes an image to outputs, and gives what went to standard output.
func write(t testing.TB, img v1.Image, d oci.Delivery, list ...string) (string, error) {
	t.Helper()
	outputs, err := oci.ParseOutputs(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := oci.CheckDirect(outputs, d.Names); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	if d.Places, err = oci.Prepare(t.Context(), outputs, &stdout); err != nil {
		return "", err
	}
	defer d.Places.Discard()
	err = oci.Write(t.Context(), img, d)
	return stdout.String(), err
}

// TestWrite writes an image in every form and reads it back with other
// programs' readers. Twice is the same.
func TestWrite(t *testing.T) {
	img := sample(t)
	want := digestOf(t, img)
	names := tags(t, "app:1", "registry.example/team/app:2")
	dir := t.TempDir()
	at := func(n string) string { return filepath.Join(dir, n) }
	for _, suffix := range []string{"", ".again"} {
		if _, err := write(t, img, oci.Delivery{Names: names}, "type=oci,tar=false,dest="+at("layout"+suffix), "type=oci,dest="+at("oci.tar"+suffix),
			"type=docker,dest="+at("docker.tar"+suffix), "type=tar,dest="+at("root.tar"+suffix), "type=local,dest="+at("root"+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	index, err := layout.ImageIndexFromPath(at("layout"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	for i, a := range []map[string]string{
		{"org.opencontainers.image.ref.name": "1", "io.containerd.image.name": "docker.io/library/app:1"},
		{"org.opencontainers.image.ref.name": "2", "io.containerd.image.name": "registry.example/team/app:2"},
	} {
		d := m.Manifests[i]
		for k, v := range a {
			if d.Annotations[k] != v {
				t.Errorf("%s is %q, want %q", k, d.Annotations[k], v)
			}
		}
		if d.Digest.String() != want {
			t.Errorf("the layout holds %s, want %s", d.Digest, want)
		}
	}
	for _, n := range []string{"app:1", "registry.example/team/app:2"} {
		tag := tags(t, n)[0]
		loaded, err := tarball.ImageFromPath(at("docker.tar"), &tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(loaded); err != nil {
			t.Error(err)
		}
		got, _ := loaded.ConfigName()
		if config, err := img.ConfigName(); err != nil || got != config {
			t.Errorf("the docker tar holds %s, want %s (%v)", got, config, err)
		}
	}
	untar(t, at("oci.tar"), at("untarred"))
	for _, n := range []string{"layout", "layout.again", "untarred"} {
		sameTree(t, at("layout"), at(n))
	}
	for _, n := range []string{"oci.tar", "docker.tar", "root.tar"} {
		if !bytes.Equal(read(t, at(n)), read(t, at(n+".again"))) {
			t.Errorf("two writings of %s differ", n)
		}
	}
	checkRoot(t, at("root"))
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func untar(t testing.TB, file, dir string) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(read(t, file))); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(time.Unix(0, 0)) || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s has %v, %d, %q", h.Name, h.ModTime, h.Uid, h.Uname)
		}
		to := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(to, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(strings.TrimPrefix(path, dir) + "\n")
		if e.Type().IsRegular() {
			b.Write(read(t, path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sameTree(t testing.TB, one, two string) {
	t.Helper()
	if tree(t, one) != tree(t, two) {
		t.Errorf("%s and %s differ", one, two)
	}
}

// checkRoot holds an extracted image to its tree.
func checkRoot(t testing.TB, dir string) {
	t.Helper()
	for n, want := range map[string]string{"etc/file": "-rw-r-----", "etc": "dr-xr-xr-x", "etc/link": "Lrwxrwxrwx"} {
		info, err := os.Lstat(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().String() != want || n == "etc/file" && !info.ModTime().Equal(time.Unix(86400, 0)) {
			t.Errorf("%s is %v of %v, want %s", n, info.Mode(), info.ModTime(), want)
		}
	}
	one, err := os.Stat(filepath.Join(dir, "etc/file"))
	if err != nil {
		t.Fatal(err)
	}
	if two, err := os.Stat(filepath.Join(dir, "etc/same")); err != nil || !os.SameFile(one, two) {
		t.Errorf("etc/same is no link to etc/file (%v)", err)
	}
	if err := os.Chmod(filepath.Join(dir, "etc"), 0o755); err != nil { // for the test's own cleaning
		t.Fatal(err)
	}
}

// TestWriteAddsToLayout keeps the other images of a layout, replaces what has
// the same name, and an image without a name only one without.
func TestWriteAddsToLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	other, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	img := sample(t)
	for _, step := range []struct {
		img   v1.Image
		names []string
		want  []string // digests with their tags
	}{
		{other, nil, []string{digestOf(t, other)}},
		{other, []string{"app:1"}, []string{digestOf(t, other), digestOf(t, other) + " 1"}},
		{img, []string{"app:1", "app:2"}, []string{digestOf(t, other), digestOf(t, img) + " 1", digestOf(t, img) + " 2"}},
		{img, nil, []string{digestOf(t, img) + " 1", digestOf(t, img) + " 2", digestOf(t, img)}},
	} {
		if _, err := write(t, step.img, oci.Delivery{Names: tags(t, step.names...)}, "type=oci,tar=false,dest="+dir); err != nil {
			t.Fatal(err)
		}
		index, err := layout.ImageIndexFromPath(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Error(err)
		}
		m, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range m.Manifests {
			got = append(got, strings.TrimSpace(d.Digest.String()+" "+d.Annotations["org.opencontainers.image.ref.name"]))
		}
		if strings.Join(got, "\n") != strings.Join(step.want, "\n") {
			t.Errorf("%v: the layout holds\n%s\nwant\n%s", step.names, strings.Join(got, "\n"), strings.Join(step.want, "\n"))
		}
	}
}

// TestPrepareRefuses names what is in the way before anything is written, and
// leaves it as it was.
func TestPrepareRefuses(t *testing.T) {
	dir := t.TempDir()
	const v = `{"imageLayoutVersion":"1.0.0"}`
	for n, text := range map[string]string{"full/file": "x", "file": "x", "half/oci-layout": v, "broken/oci-layout": v, "broken/index.json": "{", "huge/oci-layout": v} {
		to := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "huge/index.json"), make([]byte, oci.MaxManifest+1), 0o644); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	at := func(n string) string { return filepath.Join(dir, n) }
	for text, want := range map[string]string{
		"type=oci,dest=" + dir:                       dir + " is a directory, not a file; name a file, or add tar=false",
		"type=docker,dest=" + dir:                    dir + " is a directory, not a file; name a file",
		"type=local,dest=" + at("file"):              at("file") + " is a file, not a directory; name a directory",
		"type=oci,tar=false,dest=" + at("file"):      "is a file, not a directory",
		"type=oci,tar=false,dest=" + at("full"):      at("full") + " is not empty, and no image can be added to it, as it is not an OCI layout: it has no file oci-layout; name a new directory",
		"type=oci,tar=false,dest=" + at("half"):      "it has no file index.json; name a new directory",
		"type=oci,tar=false,dest=" + at("broken"):    "index.json is broken: ",
		"type=oci,tar=false,dest=" + at("huge"):      "index.json: it has more than the limit of",
		"type=oci,dest=" + at("nowhere/x.tar"):       "open " + at("nowhere/x.tar") + ": ",
		"type=oci,tar=false,dest=" + at("file/some"): at("file/some"),
	} {
		o, err := oci.ParseOutput(text)
		if err != nil {
			t.Fatal(err)
		}
		good, err := oci.ParseOutput("type=oci,tar=false,dest=" + at("new/layout"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oci.Prepare(t.Context(), []oci.Output{good, o}, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if tree(t, dir) != before {
			t.Fatalf("%s changed something", text)
		}
	}
}

// TestWriteStdout writes the archive and nothing else, and says who has closed
// it.
func TestWriteStdout(t *testing.T) {
	img := sample(t)
	file := filepath.Join(t.TempDir(), "x")
	for _, kind := range []string{"oci", "docker", "tar"} {
		d := oci.Delivery{Names: tags(t, "app:1")}
		got, err := write(t, img, d, "type="+kind+",dest=-")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := write(t, img, d, "type="+kind+",dest="+file); err != nil {
			t.Fatal(err)
		}
		if want := string(read(t, file)); got != want {
			t.Errorf("%s: %d bytes on standard output, %d in a file", kind, len(got), len(want))
		}
		o, err := oci.ParseOutput("type=" + kind + ",dest=-")
		if err != nil {
			t.Fatal(err)
		}
		r, w := io.Pipe()
		r.Close()
		p, err := oci.Prepare(t.Context(), []oci.Output{o}, w)
		if err != nil || !p.Stdout {
			t.Fatal(p, err)
		}
		d.Places = p
		if err := oci.Write(t.Context(), img, d); !errors.Is(err, io.ErrClosedPipe) || !strings.HasPrefix(err.Error(), "write standard output: ") {
			t.Errorf("%s: %v", kind, err)
		}
		p.Discard()
	}
}

// TestWriteEnds writes nothing more once the run is over, and leaves nothing.
func TestWriteEnds(t *testing.T) {
	for _, text := range []string{"type=oci,tar=false,dest=", "type=oci,dest=", "type=docker,dest=", "type=tar,dest=", "type=local,dest="} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancelCause(t.Context())
		o, err := oci.ParseOutput(text + filepath.Join(dir, "x"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := oci.Prepare(ctx, []oci.Output{o}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		cause := errors.New("interrupted")
		cancel(cause)
		if err := oci.Write(ctx, sample(t), oci.Delivery{Places: p, Names: tags(t, "app:1")}); !errors.Is(err, cause) {
			t.Errorf("%s: %v", text, err)
		}
		p.Discard()
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v %v", text, left, err)
		}
	}
}

// TestWriteLoads hands a docker tar over once, with all names.
func TestWriteLoads(t *testing.T) {
	img := sample(t)
	names := tags(t, "app:1", "app:2")
	d := oci.Delivery{Names: names, Load: names}
	var got []byte
	d.Docker = func(_ context.Context, r io.Reader) (err error) {
		got, err = io.ReadAll(r)
		return err
	}
	if _, err := write(t, img, d); err != nil {
		t.Fatal(err)
	}
	d.Load = nil
	want, err := write(t, img, d, "type=docker,dest=-")
	if err != nil || string(got) != want {
		t.Errorf("%d bytes are loaded, want %d (%v)", len(got), len(want), err)
	}
	d.Load = names
	d.Docker = func(context.Context, io.Reader) error { return errors.New("no room") }
	if _, err := write(t, img, d); err == nil || err.Error() != "loading the image into the docker engine: no room" {
		t.Error(err)
	}
}

// TestWriteTagsLast puts no tag and no file when anything else has failed, and
// pushes to every repository before the first tag.
func TestWriteTagsLast(t *testing.T) {
	img := sample(t)
	digest := digestOf(t, img)
	all := "/a/manifests/" + digest + " /b/manifests/" + digest
	for _, c := range []struct {
		name, refuse string
		load         error
		want         string // what was put
	}{
		{name: "nothing", want: all + " /a/manifests/1 /a/manifests/2 /b/manifests/1"},
		{name: "a push", refuse: "/v2/b/", want: "/a/manifests/" + digest},
		{name: "a load", load: errors.New("no"), want: all},
	} {
		var puts []string
		handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
				if c.refuse != "" && strings.HasPrefix(r.URL.Path, c.refuse) {
					http.Error(w, "no", http.StatusForbidden)
					return
				}
				puts = append(puts, strings.TrimPrefix(r.URL.Path, "/v2"))
			}
			handler.ServeHTTP(w, r)
		}))
		defer server.Close()
		host := strings.TrimPrefix(server.URL, "http://")
		names := tags(t, host+"/a:1", host+"/a:2", host+"/b:1")
		d := oci.Delivery{Names: names, Push: names, Load: names, Docker: func(_ context.Context, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return errors.Join(err, c.load)
		}}
		dir := t.TempDir()
		_, err := write(t, img, d, "type=oci,dest="+filepath.Join(dir, "x.tar"))
		if got := strings.Join(puts, " "); got != c.want || (err == nil) != (c.name == "nothing") {
			t.Errorf("%s fails: pushed %s, want %s (%v)", c.name, got, c.want, err)
		}
		left, rerr := os.ReadDir(dir)
		if rerr != nil || (len(left) > 0) != (err == nil) {
			t.Errorf("%s fails: left behind: %v %v", c.name, left, rerr)
		}
		for _, n := range names {
			if pulled, perr := remote.Image(n); (perr == nil) != (err == nil) || perr == nil && digestOf(t, pulled) != digest {
				t.Errorf("%s fails: %s: %v", c.name, n, perr)
			}
		}
	}
}
