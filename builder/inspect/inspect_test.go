package inspect

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/packages/rpm/rpmtest"
	"github.com/whittle-oci/whittle/builder/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// file is an entry of a layer.
type file struct {
	name string
	mode int64
	data string
	link string // a symbolic link
	caps string // security.capability
	uid  int
	time int64
}

// layer makes a layer of files.
func layer(t *testing.T, files ...file) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), Typeflag: tar.TypeReg, Uid: f.uid, ModTime: time.Unix(f.time, 0)}
		switch {
		case f.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		case strings.HasSuffix(f.name, "/"):
			h.Typeflag = tar.TypeDir
		}
		if f.caps != "" {
			h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": f.caps}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.data)); err != nil {
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

// source makes an image that was opened.
func source(t *testing.T, config v1.ConfigFile, all ...v1.Layer) *oci.Source {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &config)
	if err == nil {
		img, err = mutate.AppendLayers(img, all...)
	}
	if err != nil {
		t.Fatal(err)
	}
	ref, err := oci.ParseRef("oci:shop")
	if err != nil {
		t.Fatal(err)
	}
	made, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return &oci.Source{Image: img, Ref: ref, Platform: v1.Platform{OS: "linux", Architecture: "amd64"}, Config: made}
}

const key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"

// netBind is cap_net_bind_service, permitted and effective.
const netBind = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// shop is an image with something of everything.
func shop(t *testing.T) *oci.Source {
	t.Helper()
	base := layer(t,
		file{name: "bin/", mode: 0o755}, file{name: "bin/busybox", mode: 0o755, data: string(elftest.File{}.Bytes())}, file{name: "bin/sh", link: "busybox"},
		file{name: "usr/bin/apt-get", mode: 0o755, data: string(elftest.File{Needed: []string{"libapt.so.6", "libc.so.6"}}.Bytes())},
		file{name: "lib/libc.so.6", mode: 0o755, data: string(elftest.File{Library: true, SoName: "libc.so.6"}.Bytes())},
		file{name: "usr/bin/su", mode: 0o4755, data: "su"}, file{name: "usr/bin/ping", mode: 0o755, data: "ping", caps: netBind},
		file{name: "etc/passwd", mode: 0o644, data: "root:x:0:0::/:/bin/sh\nann::1:1::/:/bin/sh\nbob:x:1:1::/:/bin/sh\n"},
		file{name: "etc/shadow", mode: 0o640, data: "root:*::0:::::\neve::::::::\n"},
		file{name: "etc/group", mode: 0o644, data: "root:x:0:\n# a comment\n\nshort\n"},
		file{name: "var/lib/apt/lists/deb", mode: 0o644, data: "lists"}, file{name: "var/cache/apt/lock", mode: 0o644},
		file{name: "root/.ssh/id_rsa", mode: 0o600, data: key},
	)
	app := layer(t,
		file{name: "root/.ssh/.wh.id_rsa"},
		file{name: "srv/node_modules/@scope/pad/index.js", mode: 0o644, data: "pad"},
		file{name: "usr/lib/python3/dist-packages/flask/app.py", mode: 0o644, data: "flask!"},
		file{name: "usr/lib/python3/dist-packages/flask-3.0.dist-info/METADATA", mode: 0o644, data: "x"},
		file{name: "srv/tls.key", mode: 0o600, data: key}, file{name: "srv/upload", mode: 0o666, data: "up"}, file{name: "srv/free/", mode: 0o777}, file{name: "tmp/", mode: 0o1777},
		file{name: "srv/odd\n\x1b[2J", mode: 0o644, data: "odd"},
	)
	return source(t, v1.ConfigFile{
		OS: "linux", Architecture: "amd64",
		Config: v1.Config{
			Env:          []string{"PATH=/usr/bin:/bin", "TOKEN=ghp_0123456789abcdefghijklmnopqrstuvwxyzAB", "DATABASE=postgres://ann:hunter2hunter2@db/shop"},
			Cmd:          []string{"shop"},
			ExposedPorts: map[string]struct{}{"80/tcp": {}}, Volumes: map[string]struct{}{"/etc/": {}, "/data": {}},
		},
		History: []v1.History{{CreatedBy: "RUN curl -H 'Authorization: ghp_0123456789abcdefghijklmnopqrstuvwxyzAB' https://example.test"}, {CreatedBy: "COPY"}},
	}, base, app)
}

// golden compares with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = "testdata/" + name
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got)\n%s", name, d)
	}
}

func TestImage(t *testing.T) {
	in, err := Image(t.Context(), shop(t), Options{Contents: &report.Report{
		Before: report.Side{Bytes: 5e6, Files: 100, Packages: 9, User: "root", Shell: "/bin/sh"},
		Files:  []report.File{{Path: "/srv/tls.key", Reason: "include: /srv/tls.key"}, {Path: "/usr", Reason: "package", Files: 5}, {Path: "/usr/bin", Reason: "CMD", Files: 3}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "shop.json", append(data, '\n'))
	for name, all := range map[string]bool{"shop.txt": false, "shop-all.txt": true} {
		var b bytes.Buffer
		if err := in.Text(&b, TextOptions{All: all}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
	if strings.Contains(string(data), "hunter2") || strings.Contains(string(data), "ghp_0123") {
		t.Error("a credential is told")
	}
	if n := in.AtLeast(Error); n == 0 || n >= in.AtLeast(Warning) || in.AtLeast(Info) != len(in.Findings) {
		t.Errorf("%d errors of %d findings", n, len(in.Findings))
	}
	rules := []string{"unreadable-packages"} // TestUnreadablePackages
	for _, f := range in.Findings {
		rules = append(rules, f.Rule)
	}
	for _, r := range Rules() {
		if !slices.Contains(rules, r.Name) {
			t.Errorf("nothing shows %s", r.Name)
		}
	}
}

// TestEmpty looks at an image in which there is nothing.
func TestEmpty(t *testing.T) {
	in, err := Image(t.Context(), source(t, v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: v1.Config{User: "65532:65532", Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "x"}}}}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Findings) != 0 || in.Size != (Size{}) || len(in.Reasons) != 0 {
		t.Errorf("%+v", in)
	}
	data, err := json.Marshal(in)
	if err != nil || strings.Contains(string(data), "null") {
		t.Errorf("%s %v", data, err)
	}
}

// TestMany bounds how many findings of a kind are told.
func TestMany(t *testing.T) {
	var files []file
	for i := range 3 * maxEach {
		files = append(files, file{name: "srv/" + strings.Repeat("x", i+1), mode: 0o666, data: "x"})
	}
	in, err := Image(t.Context(), source(t, v1.ConfigFile{OS: "linux", Architecture: "amd64"}, layer(t, files...)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range in.Findings {
		if f.Rule == "world-writable" {
			n++
		}
	}
	if n != maxEach+1 || len(in.WorldWritable) != 3*maxEach {
		t.Errorf("%d findings, %d files", n, len(in.WorldWritable))
	}
}

func TestCapabilities(t *testing.T) {
	for attribute, want := range map[string]string{
		netBind: "cap_net_bind_service",
		"\x01\x00\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x80\x00\x00\x00\x00": "cap_chown cap_checkpoint_restore cap_63",
		"": "unknown", "short": "unknown", strings.Repeat("\x00", 24): "",
	} {
		if got := strings.Join(Capabilities([]byte(attribute)), " "); got != want {
			t.Errorf("%q: %s, want %s", attribute, got, want)
		}
	}
}

func FuzzCapabilities(f *testing.F) {
	f.Add([]byte(netBind))
	f.Fuzz(func(t *testing.T, attribute []byte) {
		if got := Capabilities(attribute); got == nil || len(got) > 64 {
			t.Errorf("%q: %q", attribute, got)
		}
	})
}

// TestUnreadablePackages looks at an image whose package database is cut short.
func TestUnreadablePackages(t *testing.T) {
	db := rpmtest.NDB(rpmtest.Package{Name: "bash", Version: "5", Release: "1"}.Header())
	in, err := Image(t.Context(), source(t, v1.ConfigFile{}, layer(t, file{name: "var/lib/rpm/Packages.db", mode: 0o644, data: string(db[:len(db)-16])})), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(in.Findings, func(f Finding) bool {
		return f.Rule == "unreadable-packages" && f.Path == "/var/lib/rpm/Packages.db" && strings.Contains(f.Message, "cut short")
	}) || len(in.Packages) > 0 {
		t.Errorf("%+v %+v", in.Findings, in.Packages)
	}
}
