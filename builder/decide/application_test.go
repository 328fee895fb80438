package decide_test

import (
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// installed puts packages into a tree, as apt does: each "NAME [SOURCE]: files".
func installed(t *tree.Memory, list ...string) {
	status := ""
	for _, l := range list {
		name, files, _ := strings.Cut(l, ": ")
		name, source, _ := strings.Cut(name, " ")
		status += "Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"
		if source != "" {
			status += "Source: " + source + "\n"
		}
		status += "\n"
		var paths []string
		for f := range strings.FieldsSeq(files) {
			paths = append(paths, strings.TrimSuffix(f, "/"))
			switch {
			case strings.HasSuffix(f, "/"):
				t.Dir(strings.TrimSuffix(f, "/"), 0o755)
			case strings.HasPrefix(f, "/usr/bin/") || strings.HasPrefix(f, "/usr/sbin/") || strings.HasSuffix(f, ".so"):
				t.File(f, 0o755, elftest.File{}.Bytes())
			default:
				t.File(f, 0o644, []byte(f))
			}
		}
		t.File("/var/lib/dpkg/info/"+name+".list", 0o644, []byte(strings.Join(paths, "\n")+"\n"))
	}
	t.File("/var/lib/dpkg/status", 0o644, []byte(status))
}

// nginx is a program in two packages of one source, beside others.
func nginx(t *tree.Memory) {
	installed(t,
		"nginx: /usr/sbin/nginx /usr/share/doc/nginx/copyright /usr/lib/nginx/modules/geo.so /lib/systemd/system/nginx.service /etc/init.d/nginx",
		"libnginx-mod-echo other: /usr/lib/nginx/modules/echo.so /usr/share/doc/libnginx-mod-echo/copyright",
		"nginx-common nginx: /etc/nginx/nginx.conf /etc/nginx/mime.types /usr/share/nginx/html/index.html /usr/share/man/man8/nginx.8 /var/lib/nginx/ /usr/bin/helper",
		"curl: /usr/bin/curl /usr/share/doc/curl/copyright",
		"libpcre: /usr/lib/libpcre.so /usr/share/doc/libpcre/copyright",
	)
}

// TestApplications holds programs that the Dockerfile did not put there to what
// they read.
func TestApplications(t *testing.T) {
	data := []string{
		"0755 0:0 /usr/sbin/nginx", "0755 0:0 /usr/lib/nginx/modules/geo.so", "0755 0:0 /usr/lib/nginx/modules/echo.so", "0644 0:0 /etc/nginx/nginx.conf", "0644 0:0 /etc/nginx/mime.types",
		"0644 0:0 /usr/share/nginx/html/index.html", "0775 65532:0 /var/lib/nginx/", "0775 65532:0 /run/", "0777 0:0 /var/run -> /run", "0777 0:0 /var/lock -> /run/lock", "1777 0:0 /run/lock/", "1777 0:0 /tmp/", "0644 0:0 /usr/share/doc/nginx/copyright",
		"0644 0:0 /var/lib/dpkg/status.d/nginx", "0644 0:0 /var/lib/dpkg/status.d/nginx-common",
		"0644 0:0 /usr/share/doc/libnginx-mod-echo/copyright", "0644 0:0 /var/lib/dpkg/status.d/libnginx-mod-echo",
	}
	run(t, []stage{
		{
			name: "a packaged program of the base image", config: entrypoint("nginx", "-g", "daemon off;"),
			base:  func(t *tree.Memory) { debian(t); nginx(t) },
			files: append([]string{"0644 0:0 /srv/page"}, data...), change: func(t *tree.Memory) { t.File("/srv/page", 0o644, []byte("x")) },
			quiet: true,
		},
		{
			name: "with what somebody put into its directories by hand", config: entrypoint("nginx"),
			base: func(t *tree.Memory) {
				debian(t)
				nginx(t)
				t.File("/etc/nginx/conf.d/site.conf", 0o644, []byte("x"))
				t.File("/etc/nginx/tls.key", 0o644, []byte("-----BEGIN PRIVATE KEY-----"))
				t.File("/etc/elsewhere", 0o644, []byte("x"))
			},
			files: append([]string{"0644 0:0 /etc/nginx/conf.d/site.conf"}, data...),
		},
		{
			name: "one that the Dockerfile installs", config: entrypoint("nginx"), base: debian, change: nginx,
			files: data, left: []string{"package nginx-common which is used in part", "package curl which nothing is seen to use"},
			warns: []string{"RUN: nothing shows a use of the package curl, which the final stage installs by name, so it is not in the image; where /usr/sbin/nginx runs or reads it, it will miss its programs /usr/bin/curl", "libpcre"},
		},
		{
			name: "what its configuration names", config: entrypoint("nginx", "-c", "/etc/mine.conf"), base: func(t *tree.Memory) {
				debian(t)
				nginx(t)
				for _, name := range []string{"/etc/mime.types", "/usr/share/extra/a.b-c", "/etc/commented"} {
					t.File(name, 0o644, []byte("x"))
				}
				t.File("/etc/ssl/private/snakeoil.key", 0o640, []byte("-----BEGIN PRIVATE KEY-----"))
				t.File("/etc/nginx/nginx.conf", 0o644, []byte("types /etc/mime.types;\n # include /etc/commented;\nkey=/etc/ssl/private/snakeoil.key\nrun /usr/bin/curl\n"))
			},
			change: func(t *tree.Memory) { t.File("/etc/mine.conf", 0o644, []byte("include \"/usr/share/extra/a.b-c\";")) },
			files:  append([]string{"0644 0:0 /etc/mime.types", "0644 0:0 /etc/mine.conf", "0644 0:0 /usr/share/extra/a.b-c"}, data...),
			warns:  []string{"/etc/ssl/private/snakeoil.key was left out: it is a private key"},
		},
		{
			name: "its configuration, edited", config: entrypoint("nginx"), base: func(t *tree.Memory) { debian(t); nginx(t) },
			change: func(t *tree.Memory) { t.File("/etc/nginx/nginx.conf", 0o644, []byte("mine")) }, files: data,
		},
		{
			name: "a program that the base image brought outside of packages", config: entrypoint("/usr/local/bin/caddy", "run"),
			base: func(t *tree.Memory) {
				debian(t)
				installed(t, "curl: /usr/bin/curl")
				t.File("/usr/local/bin/caddy", 0o755, elftest.File{}.Bytes())
				t.File("/etc/caddy/Caddyfile", 0o644, []byte("x"))
				t.File("/usr/share/caddy/index.html", 0o644, []byte("x"))
			},
			change: func(t *tree.Memory) { t.File("/srv/page", 0o644, []byte("x")) },
			has:    []string{"0755 0:0 /usr/local/bin/caddy", "0644 0:0 /etc/caddy/Caddyfile", "0644 0:0 /usr/share/caddy/index.html", "0644 0:0 /srv/page"},
			hasNot: []string{"/usr/bin/curl"},
			warns:  []string{"FROM: /usr/local/bin/caddy comes from the base image and belongs to no package"},
			check: func(t *testing.T, p *image.Plan) {
				if e, _ := p.Find("/etc/caddy/Caddyfile"); !e.Droppable || !strings.Contains(e.Reason, "/usr/local/bin/caddy") {
					t.Errorf("%+v", e)
				}
			},
		},
		{
			name: "its entrypoint script, with what lies in a directory", config: command([]string{"/entry.sh"}, []string{"/usr/local/bin/server"}),
			base: func(t *tree.Memory) {
				debian(t)
				t.File("/usr/local/bin/server", 0o755, elftest.File{}.Bytes())
				t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nfind /entry.d -type f | while read f; do \"$f\"; done\nexec \"$@\"\n"))
				t.File("/entry.d/10.sh", 0o755, []byte("#!/bin/sh\nmkdir x\n"))
			},
			has: []string{"0755 0:0 /entry.d/10.sh", "0755 0:0 /usr/bin/mkdir"},
		},
		{
			name: "its entrypoint script, with what it reads in from a directory and beside itself", config: command([]string{"/opt/run"}, []string{"/usr/local/bin/server"}),
			base: debian, change: func(t *tree.Memory) {
				t.File("/usr/local/bin/server", 0o755, elftest.File{}.Bytes())
				t.File("/opt/run", 0o755, []byte("#!/bin/sh\nhere=$(cd \"$(dirname \"$0\")\" && pwd)\n. \"$here/lib/log.sh\"\nfor f in /entry.d/*.sh; do [ -r \"$f\" ] && . \"$f\"; done\nexec \"$@\"\n"))
				t.File("/opt/lib/log.sh", 0o644, []byte("log() { sed -n 1p \"$1\"; }\n"))
				t.File("/entry.d/10.sh", 0o644, []byte("mkdir -p /tmp/x\n"))
				t.File("/entry.d/README", 0o644, []byte("cat is a command\n"))
			},
			has: []string{"0644 0:0 /entry.d/10.sh", "0644 0:0 /opt/lib/log.sh", "0755 0:0 /usr/bin/mkdir", "0755 0:0 /usr/bin/sed"},
		},
		{
			name: "a program of the Dockerfile's brings nothing else", base: func(t *tree.Memory) {
				debian(t)
				t.File("/etc/other.conf", 0o644, nil)
			},
			files: []string{}, quiet: true,
		},
		{
			name: "a health check of the base image's neither", base: func(t *tree.Memory) { debian(t); t.File("/etc/other.conf", 0o644, nil) },
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.Healthcheck = &dockerspec.HealthcheckConfig{Test: []string{"CMD", "mkdir", "-p", "/x"}}
			},
			files: []string{"0755 0:0 /usr/bin/mkdir"},
		},
		{
			name: "a shell brings no more than itself", base: func(t *tree.Memory) {
				debian(t)
				t.File("/etc/other.conf", 0o644, nil)
			},
			config: command(nil, []string{"sh"}), files: []string{"0755 0:0 /usr/bin/sh", "1777 0:0 /tmp/"},
		},
		{
			name: "a page over that of a package", base: debian, config: entrypoint("/app"), change: func(t *tree.Memory) {
				nginx(t)
				t.File("/var/lib/dpkg/info/nginx-common.md5sums", 0o644, []byte("00000000000000000000000000000000  usr/share/nginx/html/index.html\n"))
				t.Add("/usr/share/nginx/html/index.html", tree.Entry{Mode: 0o644, ModTime: 5}, []byte("mine"))
			},
			has: []string{"0644 0:0 /usr/share/nginx/html/index.html"}, hasNot: []string{"/etc/nginx/nginx.conf"},
		},
	})
}
