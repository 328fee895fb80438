package decide_test

import (
	"bytes"
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// calls makes /app a program that imports functions of C's library.
func calls(functions ...string) func(*tree.Memory) {
	return func(t *tree.Memory) {
		t.File(loader, 0o755, elftest.File{Library: true}.Bytes())
		t.File("/app", 0o755, elftest.File{Interp: loader, Imports: functions}.Bytes())
	}
}

func both(fs ...func(*tree.Memory)) func(*tree.Memory) {
	return func(t *tree.Memory) {
		for _, f := range fs {
			f(t)
		}
	}
}

func env(kv ...string) func(*dockerspec.DockerOCIImageConfig) {
	return func(c *dockerspec.DockerOCIImageConfig) { c.Env = append(c.Env, kv...) }
}

// hasEnv looks for variables of the image, and for those that it must not have.
func hasEnv(want ...string) func(*testing.T, *image.Plan) {
	return func(t *testing.T, p *image.Plan) {
		t.Helper()
		got := " " + strings.Join(p.Config.Env, " ") + " "
		for _, w := range want {
			if name, ok := strings.CutPrefix(w, "!"); ok == strings.Contains(got, " "+strings.TrimPrefix(name, "!")) {
				t.Errorf("environment%s, want %s", got, w)
			}
		}
	}
}

// TestEvidence holds what programs show to the files that they get.
func TestEvidence(t *testing.T) {
	bundle := func(t *tree.Memory) { t.File("/etc/ssl/certs/ca-certificates.crt", 0o644, []byte("roots of the tree")) }
	zones := func(t *tree.Memory) {
		t.File("/usr/share/zoneinfo/Europe/Rome", 0o644, []byte("TZif"))
		t.File("/usr/share/zoneinfo/right/Europe/Rome", 0o644, []byte("TZif"))
	}
	const rome = "0644 0:0 /usr/share/zoneinfo/Europe/Rome"
	run(t, []stage{
		{name: "nothing shows, nothing comes", base: both(debian, bundle, zones), files: []string{}, quiet: true},
		{
			name: "the tree's own bundle", base: both(debian, bundle), change: calls("SSL_CTX_set_default_verify_paths"),
			has: []string{"0444 0:0 /etc/ssl/certs/ca-certificates.crt"}, changes: []string{"mode /etc/ssl/certs/ca-certificates.crt: 0644 -> 0444"},
			check: func(t *testing.T, p *image.Plan) {
				if e, _ := p.Find("/etc/ssl/certs/ca-certificates.crt"); e.Source == "" || e.Reason != "/app calls SSL_CTX_set_default_verify_paths" {
					t.Errorf("%+v", e)
				}
			},
		},
		{
			name: "Mozilla's where it has none, with those left out", base: debian, change: calls("SSL_CTX_set_default_verify_paths"), has: []string{"0444 0:0 /etc/ssl/certs/ca-certificates.crt"},
			check: func(t *testing.T, p *image.Plan) {
				e, _ := p.Find("/etc/ssl/certs/ca-certificates.crt")
				n := 0
				for _, l := range p.Left {
					if strings.HasPrefix(l.Why, "a root with a constraint") {
						n++
					}
				}
				if bytes.Count(e.Data, []byte("BEGIN CERTIFICATE")) < 100 || n == 0 {
					t.Errorf("%d bytes, %d roots are listed as left out", len(e.Data), n)
				}
			},
		},
		{
			name: "a bundle behind links", change: calls("SSL_CTX_set_default_verify_paths"), base: both(debian, func(t *tree.Memory) {
				t.File("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", 0o444, []byte("x"))
				t.Symlink("/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem")
			}),
			has: []string{"0444 0:0 /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "0777 0:0 /etc/pki/tls/certs/ca-bundle.crt -> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"}, hasNot: []string{"/etc/ssl/certs/ca-certificates.crt"},
		},
		{name: "the bundle that a variable names", base: both(debian, bundle), config: env("SSL_CERT_FILE=/srv/ca.pem"), change: func(t *tree.Memory) { t.File("/srv/ca.pem", 0o644, []byte("x")) }, has: []string{"0444 0:0 /srv/ca.pem"}, hasNot: []string{"/etc/ssl/certs/ca-certificates.crt"}},
		{
			name: "OpenSSL is told where it is", base: both(debian, bundle), change: both(calls(), func(t *tree.Memory) {
				t.File("/lib/libssl.so.3", 0o644, elftest.File{Library: true, SoName: "libssl.so.3"}.Bytes())
				t.File("/app", 0o755, elftest.File{Interp: loader, Needed: []string{"libssl.so.3"}}.Bytes())
			}),
			changes: []string{"environment SSL_CERT_FILE:  -> /etc/ssl/certs/ca-certificates.crt"}, check: hasEnv("SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"),
		},
		{
			name: "one of two programs that use it is named, whichever comes first", base: both(debian, bundle), config: entrypoint("/entry.sh"), change: both(calls(), func(t *tree.Memory) {
				t.File("/lib/libssl.so.3", 0o644, elftest.File{Library: true, SoName: "libssl.so.3"}.Bytes())
				t.File("/app", 0o755, elftest.File{Interp: loader, Needed: []string{"libssl.so.3"}}.Bytes())
				t.File("/bapp", 0o755, elftest.File{Interp: loader, Needed: []string{"libssl.so.3"}}.Bytes())
				t.File("/entry.sh", 0o755, []byte("#!/bin/sh\n/bapp\n/app\n"))
			}),
			check: func(t *testing.T, p *image.Plan) {
				if e, _ := p.Find("/etc/ssl/certs/ca-certificates.crt"); e.Reason != "/app uses libssl.so.3" {
					t.Errorf("%s is there as %s", e.Path, e.Reason)
				}
			},
		},
		{name: "time zones, without those that say the same again", base: both(debian, zones), change: calls("localtime"), has: []string{rome}, hasNot: []string{"/usr/share/zoneinfo/right/Europe/Rome", "/usr/share/zoneinfo/right"}},
		{name: "time zones that the tree has not", base: debian, change: calls("localtime"), hasNot: []string{"/usr/share/zoneinfo", "/usr/share/zoneinfo.zip"}},
		{name: "the zone of TZ, whatever the program calls", base: both(debian, zones), config: env("TZ=Europe/Rome"), files: []string{rome}, quiet: true},
		{name: "a TZ that is no zone", base: both(debian, zones), config: env("TZ=../../../etc/passwd"), files: []string{}},
		{name: "the zone that a link names", base: both(debian, zones), change: func(t *tree.Memory) { t.Symlink("/etc/localtime", "/usr/share/zoneinfo/Europe/Rome") }, files: []string{rome, "0777 0:0 /etc/localtime -> /usr/share/zoneinfo/Europe/Rome"}},
		{name: "accounts", base: debian, change: calls("getpwuid"), has: []string{"0644 0:0 /etc/passwd", "0644 0:0 /etc/group", "0775 65532:0 /home/nonroot/"}, check: content("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n")},
		{
			name: "accounts by name", base: debian, change: calls("getpwnam"), has: []string{"0644 0:0 /etc/passwd"},
			check: content("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/bin:/sbin/nologin\nwww:x:33:33::/var/www:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"),
		},
		{name: "which an argument names", base: debian, config: entrypoint("/app", "--pid=/tmp/app.pid"), has: []string{"1777 0:0 /tmp/"}},
		{name: "or a variable", base: debian, config: env("STATE=/tmp/state"), has: []string{"1777 0:0 /tmp/"}},
		{name: "a place for temporary files", base: debian, change: calls("mkstemp"), has: []string{"1777 0:0 /tmp/"}},
		{
			name: "a shell for system(3)", base: debian, change: calls("system"), has: []string{"0755 0:0 /usr/bin/sh", "0777 0:0 /bin -> usr/bin"},
			warns: []string{"/app calls system, so the image has /bin/sh, which with the commands that are run costs"},
		},
		{name: "one that is not wanted", base: debian, change: calls("popen"), options: decide.Options{NoShell: true}, refused: "/app calls popen (/bin/sh), and no-shell is set"},
		{name: "one that is not there", change: calls("popen"), warns: []string{"/app calls popen, and the built image has no /bin/sh"}},
		{
			name: "everything, where nothing can be seen", base: both(debian, bundle, zones, func(t *tree.Memory) { t.File("/etc/services", 0o644, nil) }),
			change: func(t *tree.Memory) {
				t.File("/app", 0o755, elftest.File{NoSections: true, Text: strings.Repeat("x", 8192)}.Bytes())
			},
			has:   []string{"0444 0:0 /etc/ssl/certs/ca-certificates.crt", rome, "0644 0:0 /etc/passwd", "0644 0:0 /etc/group", "0775 65532:0 /home/nonroot/", "1777 0:0 /tmp/", "0644 0:0 /etc/services", "0755 0:0 /usr/bin/sh"},
			warns: []string{"/app has no section headers, so what it needs cannot be seen"}, check: hasEnv("SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "HOME=/home/nonroot"),
		},
		{
			name: "everything that there is, and Go's zones and Mozilla's roots", options: decide.Options{NoShell: true},
			change: func(t *tree.Memory) {
				t.File("/app", 0o755, elftest.File{Text: "UPX!"}.Bytes())
			},
			has: []string{"0444 0:0 /etc/ssl/certs/ca-certificates.crt", "0444 0:0 /usr/share/zoneinfo.zip", "1777 0:0 /tmp/"}, check: hasEnv("ZONEINFO=/usr/share/zoneinfo.zip"),
			warns: []string{"/app is packed by UPX"},
		},
		{
			name: "an old Go program", base: both(debian, bundle),
			change: func(t *tree.Memory) {
				t.File("/app", 0o755, elftest.File{Sections: []elftest.Section{{Name: ".gopclntab", Data: elftest.GoTable(0xfffffffa, "crypto/x509.loadSystemRoots")}}}.Bytes())
			},
			has: []string{"0444 0:0 /etc/ssl/certs/ca-certificates.crt", "0644 0:0 /etc/passwd"}, hasNot: []string{"/tmp", "/usr/bin/sh"}, quiet: true,
		},
		{
			name: "the old name of /run", base: debian, change: func(t *tree.Memory) {
				t.File(loader, 0o755, elftest.File{Library: true}.Bytes())
				t.File("/app", 0o755, elftest.File{Interp: loader, Text: "/var/run/app.pid"}.Bytes())
			},
			has: []string{"0777 0:0 /var/run -> /run", "0775 65532:0 /run/"},
		},
		{
			name: "the old name of /run, in Go", base: debian, change: func(t *tree.Memory) {
				t.File("/app", 0o755, elftest.File{Text: "x/var/run/docker.sock", Sections: []elftest.Section{{Name: ".gopclntab", Data: elftest.GoTable(0xfffffff1)}}}.Bytes())
			},
			has: []string{"0777 0:0 /var/run -> /run", "0775 65532:0 /run/"}, quiet: true,
		},
		{name: "names of services", change: calls("getservbyname"), base: both(debian, func(t *tree.Memory) { t.File("/etc/services", 0o644, nil); t.File("/etc/protocols", 0o644, nil) }), has: []string{"0644 0:0 /etc/services"}, hasNot: []string{"/etc/protocols"}},
		{
			name: "the name service of an old glibc", base: debian, change: both(calls(), func(t *tree.Memory) {
				t.File("/lib/libc.so.6", 0o755, elftest.File{Library: true, SoName: "libc.so.6", Provides: []string{"GLIBC_2.31"}}.Bytes())
				t.File("/lib/libnss_files.so.2", 0o644, elftest.File{Library: true}.Bytes())
				t.File("/app", 0o755, elftest.File{Interp: loader, Needed: []string{"libc.so.6"}, Imports: []string{"getaddrinfo"}}.Bytes())
			}),
			has: []string{"0644 0:0 /etc/nsswitch.conf", "0644 0:0 /lib/libnss_files.so.2"},
		},
		{name: "generated files follow the tree's links", base: func(t *tree.Memory) {
			t.Symlink("/etc", "system/etc")
			t.Dir("/system/etc", 0o755)
		}, change: func(t *tree.Memory) {
			t.File("/lib/ld.so", 0o755, elftest.File{Library: true}.Bytes())
			t.File("/app", 0o755, elftest.File{Interp: "/lib/ld.so", Imports: []string{"getpwuid"}}.Bytes())
		}, has: []string{"0777 0:0 /etc -> system/etc", "0644 0:0 /system/etc/passwd"}, hasNot: []string{"/etc/passwd"}},
		{name: "what LD_PRELOAD names", base: both(debian, func(t *tree.Memory) {
			t.File("/usr/lib/libjemalloc.so.2", 0o644, elftest.File{Library: true}.Bytes())
		}), config: env("LD_PRELOAD=/usr/lib/libjemalloc.so.2"), change: calls(), has: []string{"0644 0:0 /usr/lib/libjemalloc.so.2"}},
	})
}

// TestTrust holds pack to what it was told to pack: the machine's own
// authorities stay on it.
func TestTrust(t *testing.T) {
	in := stage{base: debian, change: calls("SSL_CTX_set_default_verify_paths")}.input()
	in.Tree.(*tree.Memory).File("/etc/ssl/certs/ca-certificates.crt", 0o644, []byte("an interception authority"))
	in.Trust = in.Changed
	p, err := decide.Decide(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := p.Find("/etc/ssl/certs/ca-certificates.crt"); !ok || e.Source != "" || !bytes.Contains(e.Data, []byte("Mozilla")) {
		t.Errorf("the bundle is %s from %q", e.Reason, e.Source)
	}
}

// TestEnvironment holds the variables of the image.
func TestEnvironment(t *testing.T) {
	run(t, []stage{
		{
			name: "those that only a build reads go, and are reported", base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.Env = []string{"PATH=/usr/bin:/", "LANG=C.UTF-8", "HOME=/"}
				for _, n := range decide.BuildOnly {
					c.Env = append(c.Env, n+"=x")
				}
			},
			changes: []string{"environment GOPATH: x -> ", "environment CARGO_HOME: x -> ", "environment GOTOOLCHAIN: x -> "},
			check: func(t *testing.T, p *image.Plan) {
				if got := strings.Join(p.Config.Env, " "); got != "LANG=C.UTF-8 HOME=/" {
					t.Errorf("environment %s", got)
				}
			},
		},
		{
			name: "links by which a variable names what is carried", base: debian, config: env("RUN_DIR=/var/run/app"), change: func(t *tree.Memory) { t.Dir("/run/app", 0o755) },
			check: func(t *testing.T, p *image.Plan) {
				warnings(t, p, 0)
				if e, ok := p.Find("/var/run"); !ok || e.Reason != "RUN_DIR names it" {
					t.Errorf("/var/run is %+v", e)
				}
			},
		},
		{
			name: "directories that are gone go from PATH", base: debian, config: func(c *dockerspec.DockerOCIImageConfig) { c.Env = []string{"PATH=/go/bin:/srv/bin:/bin:/opt"} },
			change: func(t *tree.Memory) { t.File("/srv/bin/tool", 0o644, nil) }, changes: []string{"environment PATH: /go/bin:/srv/bin:/bin:/opt -> /srv/bin"}, check: hasEnv("PATH=/srv/bin"),
		},
		{
			name: "names of files that are not carried", config: env("CONF=/etc/gone.conf", "LIST=/srv/here:/opt/data:/nowhere", "URL=/path?x=a:b", "TEXT=a:/opt/data", "ROOT=/", "P=/proc/self"),
			base:   both(debian, func(t *tree.Memory) { t.File("/opt/data/x", 0o644, nil); t.File("/etc/gone.conf", 0o644, nil) }),
			change: func(t *tree.Memory) { t.File("/srv/here", 0o644, nil) },
			warns:  []string{"ENV: CONF names /etc/gone.conf, which is not in the image", "ENV: LIST names /opt/data"},
			check:  func(t *testing.T, p *image.Plan) { warnings(t, p, 2) },
		},
	})
}
