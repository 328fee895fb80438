package packages_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/packages/apk"
	"github.com/whittle-oci/whittle/builder/packages/dpkg"
	"github.com/whittle-oci/whittle/builder/tree"
)

const status = `Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc
Version: 2.36-9
Conffiles:
 /etc/ld.so.conf.d/x86_64-linux-gnu.conf d4e7a7b88a71b5ffd9e2644e71a0cfab
Description: GNU C Library
 more words

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: nginx
Status: install ok installed
Architecture: amd64
Version: 1.22
Conffiles:
 /etc/nginx/nginx.conf 5d41402abc4b2a76b9719d911017c592
 /etc/nginx/mime.types 5d41402abc4b2a76b9719d911017c592
`

// debian is a tree with two packages; nginx.conf is the user's, mime.types
// holds "hello" as the package does.
func debian() *tree.Memory {
	t := &tree.Memory{}
	t.File("/etc/os-release", 0o644, []byte("NAME=x\nID=debian\nVERSION_ID=\"12\"\n"))
	t.File("/var/lib/dpkg/status", 0o644, []byte(status))
	t.File("/var/lib/dpkg/info/libc6:amd64.list", 0o644, []byte("/.\n/lib\n/lib/libc.so.6\n"))
	t.File("/var/lib/dpkg/info/libc6:amd64.md5sums", 0o644, []byte("d41d8cd98f00b204e9800998ecf8427e  lib/libc.so.6\n"))
	t.File("/var/lib/dpkg/info/nginx.list", 0o644, []byte("/usr/sbin/nginx\n/etc/nginx/nginx.conf\n/etc/nginx/mime.types\n/usr/share/a b\n"))
	t.File("/etc/nginx/nginx.conf", 0o644, []byte("mine"))
	t.File("/etc/nginx/mime.types", 0o644, []byte("hello"))
	return t
}

func open(t *testing.T, x tree.Tree) *packages.DB {
	t.Helper()
	return packages.Open(x, dpkg.Format{}, apk.Format{})
}

func TestOwner(t *testing.T) {
	d := open(t, debian())
	for name, want := range map[string]string{
		"/lib/libc.so.6": "libc6", "/usr/lib/libc.so.6": "libc6", "/usr/sbin/nginx": "nginx", "/usr/share/a b": "nginx", "/app": "", "/sbin/nginx": "nginx",
	} {
		p, ok, err := d.Owner(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if ok {
			got = p.Name
		}
		if got != want {
			t.Errorf("%s belongs to %q, want %q", name, got, want)
		}
	}
}

func TestRecords(t *testing.T) {
	d := open(t, debian())
	installed, err := d.Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(installed) != 2 {
		t.Fatalf("installed: %v", installed)
	}
	if want := (packages.Package{Name: "libc6", Version: "2.36-9", Arch: "amd64", Source: "glibc", Origin: "dpkg", Distro: "debian", PURL: "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc"}); !cmp.Equal(installed[0], want) {
		t.Error(cmp.Diff(want, installed[0]))
	}
	files, err := d.Records(t.Context(), installed[:1])
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[0].Path != "/var/lib/dpkg/status.d/libc6" || !strings.HasPrefix(string(files[0].Data), "Package: libc6\nStatus: install ok installed\n") || files[1].Path != "/var/lib/dpkg/status.d/libc6.md5sums" {
		t.Errorf("records %v", files)
	}
}

// TestLinkedDatabase reads databases that lie behind links, and passes over
// what is no database.
func TestLinkedDatabase(t *testing.T) {
	const record = "Package: base-files\nVersion: 1\nArchitecture: amd64\n"
	for _, tc := range []struct {
		name string
		make func(*tree.Memory)
		want int
	}{
		{"the directory is a link", func(x *tree.Memory) {
			x.Symlink("/var/lib/dpkg", "../../usr/share/dpkg")
			x.File("/usr/share/dpkg/status.d/base-files", 0o644, []byte(record))
		}, 1},
		{"status.d is an absolute link", func(x *tree.Memory) {
			x.Symlink("/var/lib/dpkg/status.d", "/usr/status.d")
			x.File("/usr/status.d/base-files", 0o644, []byte(record))
		}, 1},
		{"above is a link", func(x *tree.Memory) {
			x.Symlink("/var", "usr/var")
			x.File("/usr/var/lib/dpkg/status.d/base-files", 0o644, []byte(record))
			x.File("/usr/var/lib/dpkg/status", 0o644, []byte("Package: libc6\nVersion: 1\nStatus: install ok installed\n"))
		}, 2},
		{"a loop", func(x *tree.Memory) { x.Symlink("/var/lib/dpkg", "dpkg") }, 0},
		{"a link to nothing", func(x *tree.Memory) { x.Symlink("/var/lib/dpkg", "/mnt/dpkg") }, 0},
		{"a file", func(x *tree.Memory) { x.File("/var/lib/dpkg/status.d", 0o644, []byte(record)) }, 0},
	} {
		x := &tree.Memory{}
		tc.make(x)
		installed, err := open(t, x).Installed(t.Context())
		if err != nil || len(installed) != tc.want {
			t.Errorf("%s: %v, %v, want %d", tc.name, installed, err, tc.want)
		}
	}
}

// entries are changed files as a build leaves them: COPY and RUN give a time
// after the package was made.
func entries(t *testing.T, x tree.Tree, names ...string) map[string]tree.Entry {
	t.Helper()
	out := map[string]tree.Entry{}
	for _, n := range names {
		e, err := x.Lstat(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		out[n] = e
	}
	return out
}

// TestDrop installs nginx over a base that has libc6 alone.
func TestDrop(t *testing.T) {
	base, built := debian(), debian()
	libc, _, _ := strings.Cut(status, "Package: gone")
	base.File("/var/lib/dpkg/status", 0o644, []byte(libc))
	packed, later := int64(1000), int64(2000)
	put := func(name, data string, when int64) {
		built.Add(name, tree.Entry{Mode: 0o644, ModTime: when}, []byte(data))
	}
	put("/usr/sbin/nginx", "program", packed)
	put("/lib/libc.so.6", "libc", packed)
	put("/app", "app", later)
	put("/usr/share/nginx/index.html", "mine", later)
	put("/usr/share/nginx/50x.html", "hello", later) // touched, not edited
	put("/usr/share/nginx/unsummed", "x", later)
	put("/var/lib/dpkg/info/nginx.md5sums", "5d41402abc4b2a76b9719d911017c592  usr/share/nginx/index.html\n5d41402abc4b2a76b9719d911017c592  usr/share/nginx/50x.html\n", packed)
	put("/var/lib/dpkg/info/nginx.list", "/usr/sbin/nginx\n/etc/nginx/nginx.conf\n/etc/nginx/mime.types\n/usr/share/nginx/index.html\n/usr/share/nginx/50x.html\n/usr/share/nginx/unsummed\n", packed)
	changed := []string{"/app", "/etc/nginx/mime.types", "/etc/nginx/nginx.conf", "/lib/libc.so.6", "/usr/sbin/nginx", "/usr/share/nginx/50x.html", "/usr/share/nginx/index.html", "/usr/share/nginx/unsummed"}
	got, err := open(t, built).Drop(t.Context(), open(t, base), entries(t, built, changed...))
	if err != nil {
		t.Fatal(err)
	}
	// The edited nginx.conf and the page that was copied over the package's
	// are the user's, and so is the libc6 of a package that the base had.
	want := []string{"/etc/nginx/mime.types", "/usr/sbin/nginx", "/usr/share/nginx/50x.html", "/usr/share/nginx/unsummed"}
	if names := slices.Sorted(maps.Keys(got)); !cmp.Equal(names, want) {
		t.Error(cmp.Diff(want, names))
	}
}

// TestDropMade installs ca-certificates, whose scripts make files that no list
// has, beside a certificate of the user's.
func TestDropMade(t *testing.T) {
	built := &tree.Memory{}
	built.File("/var/lib/dpkg/status", 0o644, []byte("Package: ca-certificates\nStatus: install ok installed\nVersion: 1\n"))
	built.File("/var/lib/dpkg/info/ca-certificates.list", 0o644, []byte("/usr/share/ca-certificates/a.crt\n"))
	built.File("/etc/ssl/certs/ca-certificates.crt", 0o644, []byte("all"))
	built.Symlink("/etc/ssl/certs/a.pem", "/usr/share/ca-certificates/a.crt")
	built.File("/etc/ssl/certs/mine.pem", 0o644, []byte("mine"))
	changed := entries(t, built, "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/a.pem", "/etc/ssl/certs/mine.pem")
	got, err := open(t, built).Drop(t.Context(), open(t, &tree.Memory{}), changed)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/etc/ssl/certs/a.pem", "/etc/ssl/certs/ca-certificates.crt"}
	if names := slices.Sorted(maps.Keys(got)); !cmp.Equal(names, want) {
		t.Error(cmp.Diff(want, names))
	}
	// Without the package, nobody but the user can have put the bundle there.
	alone := &tree.Memory{}
	alone.File("/etc/ssl/certs/ca-certificates.crt", 0o644, []byte("all"))
	if got, err := open(t, alone).Drop(t.Context(), nil, entries(t, alone, "/etc/ssl/certs/ca-certificates.crt")); err != nil || len(got) > 0 {
		t.Errorf("%v %v", got, err)
	}
}

// TestDropMadeDirs has the directories of base-files, one of which the user
// gave away and one opened.
func TestDropMadeDirs(t *testing.T) {
	built := &tree.Memory{}
	built.File("/var/lib/dpkg/status", 0o644, []byte("Package: base-files\nStatus: install ok installed\nVersion: 1\n"))
	built.File("/var/lib/dpkg/info/base-files.list", 0o644, []byte("/etc/debian_version\n"))
	built.Dir("/srv", 0o755)
	built.Dir("/usr/local/games", 0o755)
	built.Dir("/mnt", 0o777)
	built.Dir("/data", 0o755)
	built.Add("/media", tree.Entry{Mode: fs.ModeDir | 0o755, UID: 1000}, nil)
	got, err := open(t, built).Drop(t.Context(), nil, entries(t, built, "/srv", "/usr/local/games", "/mnt", "/data", "/media"))
	if err != nil {
		t.Fatal(err)
	}
	if names, want := slices.Sorted(maps.Keys(got)), []string{"/srv", "/usr/local/games"}; !cmp.Equal(names, want) {
		t.Error(cmp.Diff(want, names))
	}
}

// TestAsked tells packages that were asked for from those they need.
func TestAsked(t *testing.T) {
	x := &tree.Memory{}
	x.File("/var/lib/dpkg/status", 0o644, []byte("Package: ffmpeg\nStatus: install ok installed\nVersion: 1\n\nPackage: libavcodec\nStatus: install ok installed\nVersion: 1\n"))
	x.File("/var/lib/apt/extended_states", 0o644, []byte("Package: libavcodec\nArchitecture: amd64\nAuto-Installed: 1\n\n"))
	x.File("/lib/apk/db/installed", 0o644, []byte("P:nginx\nV:1\n\nP:pcre\nV:1\n\n"))
	x.File("/etc/apk/world", 0o644, []byte("alpine-base\nnginx>1.0\n"))
	got, err := open(t, x).Asked(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range got {
		names = append(names, p.Name)
	}
	if want := []string{"ffmpeg", "nginx"}; !cmp.Equal(names, want) {
		t.Error(cmp.Diff(want, names))
	}
}

func TestFamily(t *testing.T) {
	x := &tree.Memory{}
	x.File("/var/lib/dpkg/status", 0o644, []byte("Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"+
		"Package: nginx-common\nStatus: install ok installed\nArchitecture: all\nSource: nginx\nVersion: 1\n\n"+
		"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 1\n"))
	x.File("/var/lib/dpkg/info/nginx-common.list", 0o644, []byte("/etc\n/etc/nginx.conf\n"))
	d := open(t, x)
	got, dirs, err := d.Family(t.Context(), packages.Package{Name: "nginx", Version: "1", Arch: "amd64", Origin: "dpkg"}, "/usr/sbin/nginx")
	if err != nil || len(got) != 2 || got[1].Name != "nginx-common" || len(dirs) > 0 {
		t.Fatalf("%v %v %v", got, dirs, err)
	}
	files, err := d.Files(t.Context(), got[1])
	if err != nil || !cmp.Equal(files, []string{"/etc", "/etc/nginx.conf"}) {
		t.Errorf("%v %v", files, err)
	}
}

// apkInstalled is two packages as apk-tools 2 writes them (doc/apk-installed.5
// and alpine:3.20's own): checksum, name, version, architecture, sizes,
// description, URL, licence, origin, maintainer, time, commit, dependencies,
// provides, then directories with M and files with a and Z.
const apkInstalled = `C:Q1pB3s5bZX4sbq1PUpGz1L+mJIfNE=
P:musl
V:1.2.5-r0
A:x86_64
S:407278
I:667648
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
m:Somebody <a@example.test>
t:1716545366
c:5ee1d3b8f9e16b1a4a1b1e2c5bd9a7ec5a3c0e52
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1qvTGHdzF6KLavt4PO0gs2a6pQ00=
R:libc.musl-x86_64.so.1
a:0:0:777
Z:Q17yJ3JFNypA4mxhJJr0ou6CzsJVI=

C:Q1x
P:nginx
V:1.26-r0
A:x86_64
L:BSD-2-Clause
o:nginx
F:
F:etc
F:etc/nginx
R:nginx.conf
Z:Q1qvTGHdzF6KLavt4PO0gs2a6pQ00=
F:var/lib/nginx/tmp
M:100:101:755

`

func TestApk(t *testing.T) {
	x := &tree.Memory{}
	x.File("/etc/os-release", 0o644, []byte("ID=alpine\nVERSION_ID=3.20.3\n"))
	x.File("/usr/lib/apk/db/installed", 0o644, []byte(apkInstalled))
	x.File("/etc/nginx/nginx.conf", 0o644, []byte("hello"))
	d := open(t, x)
	p, ok, err := d.Owner(t.Context(), "/lib/ld-musl-x86_64.so.1")
	if err != nil || !ok {
		t.Fatalf("%v %v", ok, err)
	}
	if want := (packages.Package{Name: "musl", Version: "1.2.5-r0", Arch: "x86_64", Origin: "apk", Distro: "alpine", Licenses: []string{"MIT"}, PURL: "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3"}); !cmp.Equal(want, *p) {
		t.Error(cmp.Diff(want, *p))
	}
	files, err := d.Records(t.Context(), []packages.Package{*p})
	if err != nil || len(files) != 1 || files[0].Path != "/usr/lib/apk/db/installed" {
		t.Fatalf("records %v %v", files, err)
	}
	if first, _, _ := strings.Cut(apkInstalled, "C:Q1x"); string(files[0].Data) != first {
		t.Errorf("the record is\n%s", files[0].Data)
	}
	paths, err := d.Files(t.Context(), packages.Package{Name: "nginx", Arch: "x86_64"})
	if want := []string{"/", "/etc", "/etc/nginx", "/etc/nginx/nginx.conf", "/var/lib/nginx/tmp"}; err != nil || !cmp.Equal(want, paths) {
		t.Error(cmp.Diff(want, paths), err)
	}
	// The sum is that of "hello", so the file is the package's; edited, it is
	// the user's.
	for content, drop := range map[string]bool{"hello": true, "mine": false} {
		x.File("/etc/nginx/nginx.conf", 0o644, []byte(content))
		got, err := open(t, x).Drop(t.Context(), nil, entries(t, x, "/etc/nginx/nginx.conf"))
		if _, dropped := got["/etc/nginx/nginx.conf"]; err != nil || dropped != drop {
			t.Errorf("%q: dropped %v, %v", content, dropped, err)
		}
	}
}

// TestApkSums holds checksums of every form that apk writes, and of none that
// it does.
func TestApkSums(t *testing.T) {
	for sum, same := range map[string]bool{
		"Q1qvTGHdzF6KLavt4PO0gs2a6pQ00=":                                     true,
		"X1aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d":                         true,
		"Q2LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=":                     true,
		"X22cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824": true,
		"Q1LPJNul+wow4m6DsqxbninhsWHlw=":                                     true, // the beginning of SHA-256
		"Q1LPJNul+wow4m6DsqxbninhsWHlw=H6dCXnMEM2KTi5gk":                     true, // and its rest
		"5d41402abc4b2a76b9719d911017c592":                                   true,
		"Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=":                                     false,
		"Q3qvTGHdzF6KLavt4PO0gs2a6pQ00=":                                     false,
		"Q1":                                                                 false,
		"":                                                                   false,
	} {
		if got := (apk.Format{}).Matches(sum, []byte("hello")); got != same {
			t.Errorf("%q: %v, want %v", sum, got, same)
		}
	}
	for _, content := range []string{"hello", "mine"} {
		x := &tree.Memory{}
		x.File("/lib/apk/db/installed", 0o644, []byte("P:nginx\nV:1\nF:etc\nR:nginx.conf\nZ:Q2LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\n"))
		x.File("/etc/nginx.conf", 0o644, []byte(content))
		got, err := open(t, x).Drop(t.Context(), nil, entries(t, x, "/etc/nginx.conf"))
		if _, dropped := got["/etc/nginx.conf"]; err != nil || dropped != (content == "hello") {
			t.Errorf("%q: dropped %v, %v", content, dropped, err)
		}
	}
}

// slow is a tree whose files take their time to open, the one of the given
// name most of all, so that readers finish in another order than they began.
type slow struct {
	*tree.Memory
	name string
}

func (s slow) Open(ctx context.Context, name string) (io.ReaderAt, error) {
	if strings.Contains(name, s.name) {
		time.Sleep(time.Millisecond)
	}
	return s.Memory.Open(ctx, name)
}

// TestSharedOwner asks for a file of two architectures' packages, whichever of
// their lists is read first.
func TestSharedOwner(t *testing.T) {
	x := &tree.Memory{}
	text := ""
	for _, arch := range []string{"amd64", "i386"} {
		text += "Package: libx\nStatus: install ok installed\nArchitecture: " + arch + "\nVersion: 1\n\n"
		x.File("/var/lib/dpkg/info/libx:"+arch+".list", 0o644, []byte("/usr/share/doc/libx/copyright\n/lib/x\n"))
	}
	x.File("/var/lib/dpkg/status", 0o644, []byte(text))
	x.File("/usr/lib/x", 0o644, nil)
	for range 200 {
		for _, late := range []string{"amd64", "i386"} {
			d := open(t, slow{x, late})
			for _, name := range []string{"/usr/share/doc/libx/copyright", "/usr/lib/x", "/lib/x"} {
				if p, ok, err := d.Owner(t.Context(), name); err != nil || !ok || p.Arch != "amd64" {
					t.Fatalf("%s, with the list of %s last: %+v %v", name, late, p, err)
				}
			}
			got, err := open(t, slow{x, late}).Drop(t.Context(), nil, entries(t, x, "/usr/lib/x"))
			if err != nil || got["/usr/lib/x"].Arch != "amd64" {
				t.Fatalf("with the list of %s last: %+v %v", late, got, err)
			}
		}
	}
}

func TestNone(t *testing.T) {
	d := open(t, &tree.Memory{})
	if p, ok, err := d.Owner(t.Context(), "/x"); ok || err != nil {
		t.Errorf("%v %v", p, err)
	}
	if got, err := d.Drop(t.Context(), nil, map[string]tree.Entry{"/x": {}}); len(got) > 0 || err != nil {
		t.Errorf("%v %v", got, err)
	}
}

// TestLikeDpkg asks this machine's dpkg.
func TestLikeDpkg(t *testing.T) {
	program, err := exec.LookPath("dpkg")
	if err != nil {
		t.Fatalf("this test needs Debian: %v", err)
	}
	host, err := tree.OpenDir("/")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	d := open(t, host)
	for _, name := range []string{"/usr/bin/tar", "/bin/bash", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/etc/passwd"} {
		out, err := exec.CommandContext(t.Context(), program, "-S", name).Output()
		if err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		want, _, _ := strings.Cut(string(out), ":")
		p, ok, err := d.Owner(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			continue // dpkg -S knows names before the merge of /usr only
		}
		if !ok || p.Name != want {
			t.Errorf("%s belongs to %v, dpkg says %s", name, p, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(status))
	f.Add([]byte("P:musl\nV:1\nF:lib\nR:x\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := &tree.Memory{}
		x.File("/var/lib/dpkg/status", 0o644, b)
		x.File("/lib/apk/db/installed", 0o644, b)
		x.File("/etc/os-release", 0o644, b)
		all, err := open(t, x).Installed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			if p.Name == "" || p.Version == "" || p.PURL == "" {
				t.Fatalf("a package without a name, version or URL: %+v", p)
			}
		}
	})
}
