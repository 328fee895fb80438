package packages

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	t.File("/etc/os-release", 0o644, []byte("NAME=x\nID=debian\n"))
	t.File("/var/lib/dpkg/status", 0o644, []byte(status))
	t.File("/var/lib/dpkg/info/libc6:amd64.list", 0o644, []byte("/.\n/lib\n/lib/libc.so.6\n"))
	t.File("/var/lib/dpkg/info/libc6:amd64.md5sums", 0o644, []byte("d41d8cd98f00b204e9800998ecf8427e  lib/libc.so.6\n"))
	t.File("/var/lib/dpkg/info/nginx.list", 0o644, []byte("/usr/sbin/nginx\n/etc/nginx/nginx.conf\n/etc/nginx/mime.types\n/usr/share/a b\n"))
	t.File("/etc/nginx/nginx.conf", 0o644, []byte("mine"))
	t.File("/etc/nginx/mime.types", 0o644, []byte("hello"))
	return t
}

func open(t *testing.T, x tree.Tree) *DB {
	t.Helper()
	d, err := Open(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	return d
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
	if want := (Package{Name: "libc6", Version: "2.36-9", Arch: "amd64", Source: "glibc", Origin: "dpkg", Distro: "debian", PURL: "pkg:deb/debian/libc6@2.36-9?arch=amd64"}); !cmp.Equal(installed[0], want) {
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

// TestDrop installs nginx over a base that has libc6 alone.
func TestDrop(t *testing.T) {
	base := debian()
	libc, _, _ := strings.Cut(status, "Package: gone")
	base.File("/var/lib/dpkg/status", 0o644, []byte(libc))
	changed := []string{"/usr/sbin/nginx", "/etc/nginx/nginx.conf", "/etc/nginx/mime.types", "/lib/libc.so.6", "/app"}
	got, err := open(t, debian()).Drop(t.Context(), open(t, base), changed)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range changed {
		if p, ok := got[c]; ok {
			names = append(names, c+" "+p.Name)
		}
	}
	// The edited nginx.conf is the user's, and so is the libc6 of a package
	// that the base had.
	if want := []string{"/usr/sbin/nginx nginx", "/etc/nginx/mime.types nginx"}; !cmp.Equal(names, want) {
		t.Error(cmp.Diff(want, names))
	}
}

func TestApk(t *testing.T) {
	x := &tree.Memory{}
	x.File("/lib/apk/db/installed", 0o644, []byte("C:Q1\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\nP:busybox\nV:1.36\nA:x86_64\nF:bin\nR:busybox\n\n"))
	d := open(t, x)
	p, ok, err := d.Owner(t.Context(), "/lib/ld-musl-x86_64.so.1")
	if err != nil || !ok || p.Name != "musl" || p.Licenses[0] != "MIT" {
		t.Fatalf("%v %v %v", p, ok, err)
	}
	files, err := d.Records(t.Context(), []Package{*p})
	if err != nil || len(files) != 1 || strings.Contains(string(files[0].Data), "busybox") || !strings.Contains(string(files[0].Data), "P:musl") {
		t.Errorf("records %v %v", files, err)
	}
}

func TestNone(t *testing.T) {
	d := open(t, &tree.Memory{})
	if p, ok, err := d.Owner(t.Context(), "/x"); ok || err != nil {
		t.Errorf("%v %v", p, err)
	}
	if got, err := d.Drop(t.Context(), nil, []string{"/x"}); len(got) > 0 || err != nil {
		t.Errorf("%v %v", got, err)
	}
}

// TestLikeDpkg asks this machine's dpkg.
func TestLikeDpkg(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
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
		out, err := exec.CommandContext(t.Context(), dpkg, "-S", name).Output()
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
		for _, r := range append(parseStatus(b), parseInstalled(b)...) {
			if r.Name == "" || r.Version == "" {
				t.Fatalf("a package without a name or version: %q", r.text)
			}
			purl(r.Package)
		}
		releaseID(b)
	})
}
