package rpm_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/packages/rpm"
	"github.com/whittle-oci/whittle/builder/packages/rpm/rpmtest"
	"github.com/whittle-oci/whittle/builder/tree"
)

const (
	hello  = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // SHA-256
	config = 1
	ghost  = 64
	text   = 128
)

// rocky is a distribution with a web server.
var rocky = []rpmtest.Package{
	{Name: "glibc", Version: "2.34", Release: "60.el9", Source: "glibc-2.34-60.el9.src.rpm", License: "LGPLv2+", Provides: []string{"libc.so.6()(64bit)"}, Files: rpmtest.Paths("/lib64/libc.so.6")},
	{Name: "bash", Version: "5.1.8", Release: "6.el9", Source: "bash-5.1.8-6.el9.src.rpm", Files: rpmtest.Paths("/usr/bin/sh", "/usr/bin/bash")},
	{Name: "openssl-libs", Version: "3.0.7", Release: "6.el9", Epoch: 1, Source: "openssl-3.0.7-6.el9.src.rpm", Vendor: "Rocky Enterprise\tSoftware Foundation", License: "ASL 2.0",
		Provides: []string{"libssl.so.3()(64bit)"}, Requires: []string{"libc.so.6()(64bit)", "rpmlib(CompressedFileNames)"},
		Files: []rpmtest.File{{Path: "/usr/lib64/libssl.so.3"}, {Path: "/usr/share/licenses/openssl-libs/LICENSE.txt", Flags: text}}},
	{Name: "httpd", Version: "2.4.53", Release: "11.el9", Source: "httpd-2.4.53-11.el9.src.rpm",
		Requires: []string{"libssl.so.3()(64bit)", "/bin/sh", "httpd-data", "(mod_lua or mod_http2)", "(httpd-selinux if selinux-policy)"},
		Files: []rpmtest.File{
			{Path: "/usr/sbin/httpd", Digest: hello}, {Path: "/etc/httpd/conf/httpd.conf", Digest: hello, Flags: config}, {Path: "/etc/httpd/conf/magic", Digest: hello, Flags: config},
			{Path: "/etc/httpd/passwords", Flags: ghost}, {Path: "/run/httpd.pid", Flags: ghost}, {Path: "/etc/pki/tls/certs/localhost.crt", Flags: ghost}, {Path: "/usr/share/replaced", State: 1},
		}},
	{Name: "mod_http2", Version: "1.15.19", Release: "3.el9", Source: "mod_http2-1.15.19-3.el9.src.rpm", Files: rpmtest.Paths("/usr/lib64/httpd/modules/mod_http2.so")},
	{Name: "httpd-data", Arch: "noarch", Version: "2.4.53", Release: "11.el9", Source: "httpd-2.4.53-11.el9.src.rpm", Files: rpmtest.Paths("/usr/share/httpd/icons/a.png")},
	{Name: "gpg-pubkey", Version: "350d275d", Release: "6279464b"},
}

// databases are the forms in which a tree can have headers, and where.
var databases = map[string]func(t *tree.Memory, headers ...[]byte){
	"ndb": func(t *tree.Memory, headers ...[]byte) {
		t.File("/usr/lib/sysimage/rpm/Packages.db", 0o644, rpmtest.NDB(headers...))
		t.Symlink("/var/lib/rpm", "../../usr/lib/sysimage/rpm")
	},
	"bdb": func(t *tree.Memory, headers ...[]byte) {
		t.File("/var/lib/rpm/Packages", 0o644, rpmtest.BDB(binary.LittleEndian, headers...))
	},
	"bdb of another machine": func(t *tree.Memory, headers ...[]byte) {
		t.File("/usr/share/rpm/Packages", 0o644, rpmtest.BDB(binary.BigEndian, headers...))
	},
}

func installed(name string, list ...rpmtest.Package) *tree.Memory {
	t := &tree.Memory{}
	t.File("/etc/os-release", 0o644, []byte("ID=\"rhel\"\nVERSION_ID=\"9.2\"\n"))
	databases[name](t, rpmtest.Headers(list...)...)
	return t
}

func open(t tree.Tree) *packages.DB { return packages.Open(t, rpm.Format{}) }

// TestDatabases reads the same packages from every form of a database.
func TestDatabases(t *testing.T) {
	for name := range databases {
		d := open(installed(name, rocky...))
		all, err := d.Installed(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var names []string
		for _, p := range all {
			names = append(names, p.Name)
		}
		if want := []string{"bash", "glibc", "httpd", "httpd-data", "mod_http2", "openssl-libs"}; !cmp.Equal(want, names) {
			t.Errorf("%s: %s", name, cmp.Diff(want, names))
		}
		p, ok, err := d.Owner(t.Context(), "/lib64/libssl.so.3")
		if err != nil || !ok {
			t.Fatalf("%s: %v %v", name, ok, err)
		}
		want := packages.Package{Name: "openssl-libs", Version: "1:3.0.7-6.el9", Arch: "x86_64", Source: "openssl", Origin: "rpm", Distro: "rhel", Licenses: []string{"ASL 2.0"},
			PURL: "pkg:rpm/redhat/openssl-libs@3.0.7-6.el9?arch=x86_64&distro=rhel-9.2&epoch=1&upstream=openssl-3.0.7-6.el9.src.rpm"}
		if !cmp.Equal(want, *p) {
			t.Errorf("%s: %s", name, cmp.Diff(want, *p))
		}
		if got := d.Licences(*p); !slices.Equal(got, []string{"/usr/share/licenses/openssl-libs/LICENSE.txt"}) {
			t.Errorf("%s: licences %q", name, got)
		}
		if _, ok, err := d.Owner(t.Context(), "/usr/share/replaced"); ok || err != nil {
			t.Errorf("%s: a replaced file: %v %v", name, ok, err)
		}
	}
}

// TestDepends follows requirements by what packages provide and by their files.
func TestDepends(t *testing.T) {
	d := open(installed("ndb", rocky...))
	for name, want := range map[string][]string{"httpd": {"openssl-libs", "bash", "httpd-data", "mod_http2"}, "openssl-libs": {"glibc"}, "glibc": nil} {
		p, ok, err := d.Named(t.Context(), name)
		if !ok || err != nil {
			t.Fatalf("%s: %v %v", name, ok, err)
		}
		deps, err := d.Depends(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, d := range deps {
			names = append(names, d.Name)
		}
		if !cmp.Equal(want, names) {
			t.Errorf("%s: %s", name, cmp.Diff(want, names))
		}
	}
	if system, err := d.System(t.Context(), packages.Package{Name: "bash", Arch: "x86_64"}); !system || err != nil {
		t.Errorf("bash is of the system: %v %v", system, err)
	}
}

// TestManifest keeps records and reads them again as an image has them.
func TestManifest(t *testing.T) {
	d := open(installed("bdb", rocky...))
	all, err := d.Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files, err := d.Records(t.Context(), all[4:])
	if err != nil || len(files) != 1 || files[0].Path != "/var/lib/rpmmanifest/container-manifest-2" {
		t.Fatalf("%v %v", files, err)
	}
	want := "mod_http2\t1.15.19-3.el9\t1700000000\t1700000000\t(none)\t(none)\t4096\tx86_64\t0\tmod_http2-1.15.19-3.el9.src.rpm\n" +
		"openssl-libs\t3.0.7-6.el9\t1700000000\t1700000000\tRocky Enterprise Software Foundation\t1\t4096\tx86_64\t1\topenssl-3.0.7-6.el9.src.rpm\n"
	if got := string(files[0].Data); got != want {
		t.Error(cmp.Diff(want, got))
	}
	x := &tree.Memory{}
	x.File("/etc/os-release", 0o644, []byte("ID=rhel\nVERSION_ID=9.2\n"))
	x.File(files[0].Path, 0o644, append(files[0].Data, "not a line\nshort\t1-1\n"...))
	again := open(x)
	got, err := again.Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].Licenses = all[4+i].Licenses // which the manifest has not
	}
	if !cmp.Equal(all[4:], got) {
		t.Error(cmp.Diff(all[4:], got))
	}
	if lists, err := again.Lists(t.Context()); lists || err != nil {
		t.Errorf("a manifest lists files: %v %v", lists, err)
	}
}

// TestDrop tells what httpd brought from what the Dockerfile wrote.
func TestDrop(t *testing.T) {
	base, built := installed("ndb", rocky[:3]...), installed("ndb", rocky...)
	changed := map[string]tree.Entry{}
	for name, data := range map[string]string{
		"/usr/sbin/httpd": "hello", "/etc/httpd/conf/httpd.conf": "mine", "/etc/httpd/conf/magic": "hello", "/etc/httpd/passwords": "mine", "/run/httpd.pid": "",
		"/etc/pki/tls/certs/localhost.crt": "made", "/srv/app": "x", "/usr/lib64/libssl.so.3": "mine",
	} {
		built.File(name, 0o644, []byte(data))
		e, err := built.Lstat(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		changed[name] = e
	}
	got, err := open(built).Drop(t.Context(), open(base), changed)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"/etc/httpd/conf/magic", "/etc/pki/tls/certs/localhost.crt", "/run/httpd.pid", "/usr/sbin/httpd"}; !cmp.Equal(want, names) {
		t.Error(cmp.Diff(want, names))
	}
}

// TestAsked reads what dnf 5 and zypper say of reasons; where nothing does,
// packages were asked for that no other needs.
func TestAsked(t *testing.T) {
	for name, tc := range map[string]struct {
		file, text string
		want       string
	}{
		"nothing":            {"/etc/x", "", "httpd"},
		"dnf 5":              {"/usr/lib/sysimage/libdnf5/packages.toml", "version = \"1.0\"\n[packages]\n\"httpd.x86_64\" = {reason=\"User\"}\n\"httpd-data.noarch\" = {reason=\"Dependency\"}\n\"mod_http2.x86_64\" = {reason = \"Weak Dependency\"}\n", "httpd"},
		"dnf 5, in headings": {"/usr/lib/sysimage/libdnf5/packages.toml", "[packages.\"httpd.x86_64\"]\nreason = \"Dependency\"\n[packages.\"httpd-data.noarch\"]\nreason = \"User\"\n[packages.\"mod_http2.x86_64\"]\nreason = \"External User\"\n", "httpd-data mod_http2"},
		"zypper":             {"/var/lib/zypp/AutoInstalled", "# written by\nhttpd-data\n", "httpd mod_http2"},
	} {
		built := installed("bdb", rocky...)
		built.File(tc.file, 0o644, []byte(tc.text))
		got, err := open(built).Asked(t.Context(), open(installed("bdb", rocky[:3]...)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var names []string
		for _, p := range got {
			names = append(names, p.Name)
		}
		if text := strings.Join(names, " "); text != tc.want {
			t.Errorf("%s: %s, want %s", name, text, tc.want)
		}
	}
}

// TestUnreadable damages databases: each is named with what is wrong.
func TestUnreadable(t *testing.T) {
	headers := rpmtest.Headers(rocky...)
	small, large := rpmtest.NDB(headers...), rpmtest.BDB(binary.LittleEndian, headers...)
	change := func(data []byte, at int, with ...byte) []byte {
		out := bytes.Clone(data)
		copy(out[at:], with)
		return out
	}
	// Ten thousand rows that are one and the same.
	rows := append([]byte("SQLite format 3\x00\x00\x01\x01\x01\x00\x40\x20\x20"), make([]byte, 64<<10-24)...)
	copy(rows[100:], "\x0d\x00\x00\x27\x10")
	for i := range 10000 {
		binary.BigEndian.PutUint16(rows[108+2*i:], 30000)
	}
	copy(rows[30000:], "\x81\xfa\x00\x01\x01") // 32,000 bytes, of which the header is one
	many := rpmtest.Package{Name: "many", Version: "1", Release: "1", Provides: make([]string, 1<<20)}
	long := rpmtest.Package{Name: "long", Version: "1", Release: "1", Files: rpmtest.Paths("/" + strings.Repeat("x", 5000))}
	for name, tc := range map[string]struct {
		file string
		data []byte
		want string
	}{
		"ndb cut short":          {"Packages.db", small[:len(small)-16], "cut short"},
		"ndb without slots":      {"Packages.db", small[:100], "no ndb database"},
		"ndb's slots cut short":  {"Packages.db", change(small, 12, 0xff, 0xff), "slots are missing"},
		"a slot twice":           {"Packages.db", change(small, 48, small[32:48]...), "damaged"},
		"a byte of a package":    {"Packages.db", change(small, 4096+100, 0xff), "the package 1 is damaged"},
		"no header":              {"Packages.db", rpmtest.NDB([]byte("x")), "a header is cut short"},
		"too many values":        {"Packages.db", rpmtest.NDB(many.Header()), "1048577 values"},
		"rows that overlap":      {"rpmdb.sqlite", rows, "a row is damaged"},
		"a long path":            {"Packages.db", rpmtest.NDB(long.Header()), "too long"},
		"a name of two words":    {"Packages.db", rpmtest.NDB(rpmtest.Package{Name: "a\tb", Version: "1", Release: "1"}.Header()), "no name and version"},
		"a version of two parts": {"Packages.db", rpmtest.NDB(rpmtest.Package{Name: "a", Version: "1-2", Release: "1"}.Header()), "no name and version"},
		"bdb cut short":          {"Packages", large[:len(large)-1], "cut short"},
		"bdb with a circle":      {"Packages", change(large, 4096+16, 1), "in two places"},
		"bdb's version":          {"Packages", change(large, 16, 7), "version 7"},
		"bdb's page size":        {"Packages", change(large, 20, 1), "a page has"},
		"text":                   {"Packages", []byte(strings.Repeat("text ", 200)), "no Berkeley DB"},
		"sqlite cut short":       {"rpmdb.sqlite", []byte("SQLite format 3\x00"), "no SQLite database"},
		"sqlite of nothing":      {"rpmdb.sqlite", append([]byte("SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20"), make([]byte, 8000)...), "damaged"},
	} {
		x := &tree.Memory{}
		x.File("/var/lib/rpm/"+tc.file, 0o644, tc.data)
		_, err := open(x).Installed(t.Context())
		unreadable, ok := errors.AsType[*packages.UnreadableError](err)
		if !ok || unreadable.Path != "/var/lib/rpm/"+tc.file || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// TestMatches holds checksums of every length that rpm has had.
func TestMatches(t *testing.T) {
	for sum, same := range map[string]bool{
		"5d41402abc4b2a76b9719d911017c592":         true,
		"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d": true,
		hello:                  true,
		strings.ToUpper(hello): true,
		"9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043": true,
		strings.Repeat("0", 64): false,
		"ghost":                 false,
		"":                      false,
	} {
		if got := (rpm.Format{}).Matches(sum, []byte("hello")); got != same {
			t.Errorf("%q: %v, want %v", sum, got, same)
		}
	}
}

// fuzz reads a file of a database, and holds what comes out to be packages or a
// database that cannot be read.
func fuzz(f *testing.F, file string) {
	f.Fuzz(func(t *testing.T, data []byte) {
		x := &tree.Memory{}
		x.File("/var/lib/rpm/"+file, 0o644, data)
		d := open(x)
		all, err := d.Installed(t.Context())
		if err != nil {
			if !errors.As(err, new(*packages.UnreadableError)) {
				t.Fatal(err)
			}
			return
		}
		if _, err := d.Asked(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			if p.Name == "" || p.Version == "" || p.PURL == "" {
				t.Fatalf("a package without a name, version or URL: %+v", p)
			}
		}
		files, err := d.Records(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for line := range strings.Lines(string(file.Data)) {
				if strings.Count(line, "\t") != 9 {
					t.Fatalf("a line of the manifest: %q", line)
				}
			}
		}
	})
}

func FuzzNDB(f *testing.F) {
	f.Add(rpmtest.NDB(rpmtest.Headers(rocky...)...))
	f.Add(rpmtest.NDB(rocky[0].Header()))
	fuzz(f, "Packages.db")
}

func FuzzBDB(f *testing.F) {
	f.Add(rpmtest.BDB(binary.LittleEndian, rpmtest.Headers(rocky...)...))
	f.Add(rpmtest.BDB(binary.BigEndian, rocky[3].Header()))
	fuzz(f, "Packages")
}

// FuzzHeader reads a header where the checksum of a database is right.
func FuzzHeader(f *testing.F) {
	for _, h := range rpmtest.Headers(rocky...) {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, h []byte) {
		x := &tree.Memory{}
		x.File("/var/lib/rpm/Packages.db", 0o644, rpmtest.NDB(h, rocky[0].Header()))
		d := open(x)
		if _, err := d.Installed(t.Context()); err != nil {
			if !errors.As(err, new(*packages.UnreadableError)) {
				t.Fatal(err)
			}
			return
		}
		if _, err := d.Lists(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("openssl-libs\t3.0.7-6.el9\t1\t1\tx\t1\t4096\tx86_64\t1\topenssl-3.0.7-6.el9.src.rpm\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := &tree.Memory{}
		x.File("/var/lib/rpmmanifest/container-manifest-2", 0o644, data)
		all, err := open(x).Installed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			if p.Name == "" || p.Version == "" {
				t.Fatalf("a package without a name or version: %+v", p)
			}
		}
	})
}

// TestRoots takes one package of a circle that no other leads to.
func TestRoots(t *testing.T) {
	list := []rpmtest.Package{
		{Name: "a", Version: "1", Release: "1", Requires: []string{"b"}}, {Name: "b", Version: "1", Release: "1", Requires: []string{"a", "c"}},
		{Name: "c", Version: "1", Release: "1", Requires: []string{"d"}}, {Name: "d", Version: "1", Release: "1", Requires: []string{"c"}}, {Name: "e", Version: "1", Release: "1"},
	}
	for i := range list {
		list[i].Files = rpmtest.Paths("/usr/bin/" + list[i].Name)
	}
	got, err := open(installed("ndb", list...)).Asked(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Name != "a" || got[1].Name != "e" {
		t.Errorf("%+v", got)
	}
}
