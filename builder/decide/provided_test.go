package decide_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// server is a distribution's web server: the program in one package, its
// configuration in another of the same source, a module in a third.
func server(t *tree.Memory) {
	status := "Package: httpd\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n" +
		"Package: httpd-common\nStatus: install ok installed\nArchitecture: all\nSource: httpd\nVersion: 1\n\n" +
		"Package: httpd-mod-echo\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n\n" +
		"Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n" +
		"Package: coreutils\nEssential: yes\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9\n"
	t.File("/var/lib/dpkg/status", 0o644, []byte(status))
	for name, files := range map[string][]string{
		"httpd":          {"/usr/sbin/httpd", "/usr/sbin/httpd-admin", "/usr/share/doc/httpd/copyright"},
		"httpd-common":   {"/etc/httpd", "/etc/httpd/httpd.conf", "/etc/init.d/httpd", "/usr/share/man/man8/httpd.8.gz", "/var/lib/httpd", "/var/log/httpd"},
		"httpd-mod-echo": {"/etc/httpd/modules/echo.conf", "/usr/lib/httpd/echo.so"},
		"tool":           {"/usr/bin/tool", "/usr/share/tool/data"},
		"coreutils":      {"/bin/sleep", "/usr/share/coreutils/data"},
	} {
		t.File("/var/lib/dpkg/info/"+name+".list", 0o644, []byte(strings.Join(files, "\n")+"\n"))
		for _, f := range files {
			switch {
			case strings.HasPrefix(f, "/var/"), f == "/etc/httpd":
				t.Dir(f, 0o755)
			case strings.Contains(f, "bin/"):
				t.File(f, 0o755, elftest.File{}.Bytes())
			case strings.HasSuffix(f, ".so"):
				t.File(f, 0o644, elftest.File{Library: true, SoName: "echo.so"}.Bytes())
			default:
				t.File(f, 0o644, []byte(f))
			}
		}
	}
}

func names(p *image.Plan) []string {
	var out []string
	for _, e := range p.Entries {
		if e.Type != image.Dir && !strings.HasPrefix(e.Path, "/var/lib/dpkg") && !strings.HasPrefix(e.Path, "/usr/share/doc") {
			out = append(out, e.Path)
		}
	}
	return out
}

// TestPackageOfProgram carries what the package of a program needs at work,
// whether a RUN installed it or it came with the base image.
func TestPackageOfProgram(t *testing.T) {
	for _, from := range []string{"installed", "base image", "script"} {
		t.Run(from, func(t *testing.T) {
			base, built, changed := &tree.Memory{}, &tree.Memory{}, &tree.Memory{}
			server(built)
			built.File("/srv/index.html", 0o644, []byte("hi"))
			changed.File("/srv/index.html", 0o644, []byte("hi"))
			if from == "installed" {
				server(changed)
				base.Dir("/etc", 0o755)
			} else {
				server(base)
			}
			c := config("/usr/sbin/httpd")
			want := []string{"/etc/httpd/httpd.conf", "/etc/httpd/modules/echo.conf", "/srv/index.html", "/usr/lib/httpd/echo.so", "/usr/sbin/httpd"}
			if from == "script" {
				built.File("/bin/sh", 0o755, elftest.File{}.Bytes())
				c = config("/bin/sh", "-c", "umask 077 && exec /usr/sbin/httpd")
				want = append([]string{"/bin/sh"}, want...)
			}
			p, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: c, Options: decide.Options{NoEvidence: true}})
			if err != nil {
				t.Fatal(err)
			}
			if got := names(p); !slices.Equal(got, want) {
				t.Errorf("the image has %q, want %q", got, want)
			}
			for _, dir := range []string{"/run", "/var/lib/httpd", "/var/log/httpd"} {
				e, ok := p.Find(dir)
				if !ok || e.UID != 65532 || e.GID != 0 || e.ModeText != "0775" {
					t.Errorf("%s is %+v (there: %v), want the user's with the group's bits", dir, e, ok)
				}
			}
			var owners []string
			for _, pkg := range p.Packages {
				owners = append(owners, pkg.Name)
			}
			if want := []string{"httpd", "httpd-common", "httpd-mod-echo"}; !slices.Equal(owners, want) {
				t.Errorf("the image has the packages %q, want %q", owners, want)
			}
		})
	}
}

// TestSystemPackage brings nothing for a program of the distribution itself.
func TestSystemPackage(t *testing.T) {
	base, built, changed := &tree.Memory{}, &tree.Memory{}, &tree.Memory{}
	server(base)
	server(built)
	base.File("/opt/by-hand", 0o644, nil)
	built.File("/opt/by-hand", 0o644, nil)
	p, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/bin/sleep", "1"), Options: decide.Options{NoEvidence: true}})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(p); !slices.Equal(got, []string{"/bin/sleep"}) {
		t.Errorf("the image has %q", got)
	}
}

// TestProgramOfBaseImage carries what the makers of a base image put beside
// their program by hand, and not what they installed.
func TestProgramOfBaseImage(t *testing.T) {
	base, built, changed := &tree.Memory{}, &tree.Memory{}, &tree.Memory{}
	for _, m := range []*tree.Memory{base, built} {
		server(m)
		m.File("/opt/server/bin/serve", 0o755, elftest.File{}.Bytes())
		m.File("/opt/server/lib/a", 0o644, []byte("a"))
		m.File("/opt/server/lib/b", 0o600, []byte("b"))
		m.File("/opt/server/lib/__pycache__/x.pyc", 0o644, []byte("x"))
		m.File("/etc/server/key.pem", 0o600, []byte("-----BEGIN PRIVATE KEY-----"))
		m.File("/var/log/server/access.log", 0o644, nil)
		m.Symlink("/var/log/server/error.log", "/dev/stderr")
		m.File("/var/lib/apt/lists/x", 0o644, nil)
	}
	for _, m := range []*tree.Memory{built, changed} {
		m.File("/opt/server/conf", 0o644, []byte("c"))
	}
	p, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/opt/server/bin/serve"), Options: decide.Options{NoEvidence: true}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/opt/server/bin/serve", "/opt/server/conf", "/opt/server/lib/a", "/opt/server/lib/b", "/var/log/server/error.log"}
	if got := names(p); !slices.Equal(got, want) {
		t.Errorf("the image has %q, want %q", got, want)
	}
}
