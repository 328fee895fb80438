package decide_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/packages/rpm/rpmtest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// unpack puts the files of packages into a tree, and database what rpm knows.
func unpack(t *tree.Memory, list ...rpmtest.Package) {
	for _, p := range list {
		for _, f := range p.Files {
			switch {
			case strings.Contains(f.Path, "bin/"):
				t.File(f.Path, 0o755, program(elftest.File{Needed: needs[f.Path]}))
			case strings.Contains(f.Path, ".so"):
				t.File(f.Path, 0o755, library(f.Path[strings.LastIndex(f.Path, "/")+1:], needs[f.Path]...))
			case f.Flags&64 == 0:
				t.File(f.Path, 0o644, []byte("hello"))
			}
		}
	}
}

func database(t *tree.Memory, list ...rpmtest.Package) {
	t.File("/usr/lib/sysimage/rpm/Packages.db", 0o644, rpmtest.NDB(rpmtest.Headers(list...)...))
}

// needs is what programs and libraries of packages link.
var needs = map[string][]string{
	"/usr/sbin/httpd": {"libssl.so.3", "libc.so.6"}, "/usr/lib64/libssl.so.3": {"libc.so.6"}, "/usr/bin/bash": {"libc.so.6"},
}

const helloSum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // SHA-256

var (
	ubi = []rpmtest.Package{
		{Name: "redhat-release", Version: "9.2", Release: "0.13.el9", Source: "redhat-release-9.2-0.13.el9.src.rpm", Files: rpmtest.Paths("/etc/redhat-release", "/etc/os-release")},
		{Name: "glibc", Version: "2.34", Release: "60.el9", Source: "glibc-2.34-60.el9.src.rpm", Provides: []string{"libc.so.6()(64bit)"}, Files: rpmtest.Paths("/usr/lib64/libc.so.6", "/usr/lib64/ld-linux-x86-64.so.2")},
		{Name: "bash", Version: "5.1.8", Release: "6.el9", Source: "bash-5.1.8-6.el9.src.rpm", Requires: []string{"libc.so.6()(64bit)"}, Files: rpmtest.Paths("/usr/bin/bash")},
		{Name: "openssl-libs", Version: "3.0.7", Release: "6.el9", Epoch: 1, Source: "openssl-3.0.7-6.el9.src.rpm", Provides: []string{"libssl.so.3()(64bit)"}, Requires: []string{"libc.so.6()(64bit)"},
			Files: []rpmtest.File{{Path: "/usr/lib64/libssl.so.3"}, {Path: "/usr/share/licenses/openssl-libs/LICENSE.txt", Flags: 128}}},
	}
	httpd = append(ubi[:len(ubi):len(ubi)],
		rpmtest.Package{Name: "httpd", Version: "2.4.53", Release: "11.el9", Source: "httpd-2.4.53-11.el9.src.rpm", Requires: []string{"libssl.so.3()(64bit)", "/bin/bash", "httpd-filesystem"},
			Files: []rpmtest.File{
				{Path: "/usr/sbin/httpd"}, {Path: "/etc/httpd/conf/httpd.conf", Digest: helloSum, Flags: 1}, {Path: "/etc/httpd/conf/magic", Digest: helloSum, Flags: 1},
				{Path: "/usr/lib64/httpd/modules/mod_mime.so"}, {Path: "/usr/share/man/man8/httpd.8"}, {Path: "/etc/httpd/users", Flags: 64},
			}},
		rpmtest.Package{Name: "httpd-filesystem", Arch: "noarch", Version: "2.4.53", Release: "11.el9", Source: "httpd-2.4.53-11.el9.src.rpm", Files: rpmtest.Paths("/usr/share/httpd/noindex/index.html")},
		rpmtest.Package{Name: "nano", Version: "5.6.1", Release: "5.el9", Source: "nano-5.6.1-5.el9.src.rpm", Files: rpmtest.Paths("/usr/bin/nano", "/usr/share/nano/c.nanorc")},
	)
)

// redhat is a base image of the distribution.
func redhat(t *tree.Memory) {
	for dir, to := range map[string]string{"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64", "/var/lib/rpm": "../../usr/lib/sysimage/rpm"} {
		t.Symlink(dir, to)
	}
	unpack(t, ubi...)
	database(t, ubi...)
	t.Symlink("/usr/bin/sh", "bash")
	t.File("/etc/os-release", 0o644, []byte("ID=\"rhel\"\nVERSION_ID=\"9.2\"\n"))
	t.File("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/bash\n"))
	t.File("/etc/group", 0o644, []byte("root:x:0:\n"))
}

const manifest = "/var/lib/rpmmanifest/container-manifest-2"

// TestRPM decides on images of distributions with rpm.
func TestRPM(t *testing.T) {
	licence := "0644 0:0 /usr/share/licenses/openssl-libs/LICENSE.txt"
	libraries := []string{"0777 0:0 /lib64 -> usr/lib64", "0755 0:0 /usr/lib64/ld-linux-x86-64.so.2", "0755 0:0 /usr/lib64/libc.so.6", "0755 0:0 /usr/lib64/libssl.so.3", licence, "0644 0:0 /etc/os-release", "0644 0:0 /etc/redhat-release", "0644 0:0 " + manifest}
	lines := func(want ...string) func(*testing.T, *image.Plan) {
		return func(t *testing.T, p *image.Plan) {
			t.Helper()
			e, ok := p.Find(manifest)
			if !ok {
				t.Fatal("no manifest")
			}
			var got []string
			for line := range strings.Lines(string(e.Data)) {
				name, rest, _ := strings.Cut(line, "\t")
				version, _, _ := strings.Cut(rest, "\t")
				got = append(got, name+" "+version)
			}
			if a, b := strings.Join(got, ", "), strings.Join(want, ", "); a != b {
				t.Errorf("records of %s, want %s", a, b)
			}
		}
	}
	run(t, []stage{
		{
			name: "an application that links what the base image has", base: redhat, change: func(t *tree.Memory) { t.File("/app", 0o755, program(elftest.File{Needed: []string{"libssl.so.3"}})) },
			files: append([]string{"0444 0:0 /etc/ssl/certs/ca-certificates.crt", "0644 0:0 /etc/group", "0644 0:0 /etc/passwd", "0775 65532:0 /home/nonroot/"}, libraries...), check: lines("glibc 2.34-60.el9", "openssl-libs 3.0.7-6.el9"),
			quiet: true,
		},
		{
			name: "what dnf install brought is not the Dockerfile's", base: redhat, config: entrypoint("/usr/sbin/httpd"),
			change: func(t *tree.Memory) {
				unpack(t, httpd[len(ubi):]...)
				database(t, httpd...)
				t.File("/etc/httpd/conf/httpd.conf", 0o644, []byte("mine"))
				t.File("/etc/httpd/users", 0o644, []byte("mine"))
				t.File("/srv/page", 0o644, []byte("mine"))
			},
			has: append([]string{
				"0755 0:0 /usr/sbin/httpd", "0755 0:0 /usr/lib64/httpd/modules/mod_mime.so", "0644 0:0 /etc/httpd/conf/httpd.conf", "0644 0:0 /etc/httpd/conf/magic",
				"0644 0:0 /etc/httpd/users", "0644 0:0 /usr/share/httpd/noindex/index.html", "0644 0:0 /srv/page",
			}, libraries...),
			hasNot: []string{"/usr/bin/nano", "/usr/bin/bash", "/usr/share/nano/c.nanorc", "/usr/share/man/man8/httpd.8", "/usr/lib/sysimage", "/var/lib/rpm"},
			warns:  []string{"nothing shows a use of the package nano"},
			check:  lines("glibc 2.34-60.el9", "httpd 2.4.53-11.el9", "httpd-filesystem 2.4.53-11.el9", "openssl-libs 3.0.7-6.el9"),
		},
		{
			name: "a program of a package that the base image has", base: func(t *tree.Memory) { redhat(t); unpack(t, httpd...); database(t, httpd...) }, config: entrypoint("/usr/sbin/httpd"),
			has: []string{"0755 0:0 /usr/sbin/httpd", "0644 0:0 /etc/httpd/conf/magic"}, hasNot: []string{"/usr/bin/nano"},
		},
		{
			name: "names of packages alone, as images without a package manager have them",
			base: func(t *tree.Memory) {
				debian(t)
				t.File(manifest, 0o644, []byte("bash\t5.1-1\t1\t1\tx\t(none)\t1\tx86_64\t0\tbash-5.1-1.src.rpm\n"))
				t.File("/usr/bin/other", 0o755, elftest.File{}.Bytes())
			},
			config: entrypoint("/usr/bin/other"), has: []string{"0755 0:0 /usr/bin/other"}, hasNot: []string{"/usr/bin/sh", manifest},
		},
	})
}

// TestUnreadableRPM ships an image as it was built when nobody can tell what its
// packages are.
func TestUnreadableRPM(t *testing.T) {
	s := stage{base: redhat, change: func(t *tree.Memory) {
		t.File("/usr/lib/sysimage/rpm/Packages.db", 0o644, rpmtest.NDB(rpmtest.Headers(ubi...)...)[:5000])
	}}
	_, err := decide.Decide(t.Context(), s.input())
	unknown, ok := errors.AsType[*image.UnsupportedError](err)
	if !ok || !strings.Contains(unknown.Error(), "the package database /usr/lib/sysimage/rpm/Packages.db cannot be read: it is cut short") {
		t.Errorf("%v", err)
	}
}
