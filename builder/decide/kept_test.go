package decide_test

import (
	"io/fs"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestKept holds every way in which a stage differs from its base image to
// what becomes of it.
func TestKept(t *testing.T) {
	run(t, []stage{
		{
			name: "what RUN made stays and is droppable",
			base: debian,
			change: func(t *tree.Memory) {
				t.File("/srv/static/app.js", 0o644, []byte("x"))
				t.File("/var/cache/app/model.bin", 0o644, []byte("x"))
				t.File("/var/log/app/README", 0o644, []byte("x"))
				t.File("/tmp/data.json", 0o644, []byte("x"))
			},
			files: []string{"0644 0:0 /srv/static/app.js", "0644 0:0 /var/cache/app/model.bin", "0644 0:0 /var/log/app/README", "0644 0:0 /tmp/data.json", "1777 0:0 /tmp/"},
			quiet: true,
			check: func(t *testing.T, p *image.Plan) {
				for _, e := range p.Entries {
					if e.Type == image.File && e.Droppable != (e.Path != "/app") {
						t.Errorf("%s: droppable %v", e.Path, e.Droppable)
					}
				}
			},
		},
		{
			name: "caches and leftovers go",
			base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.User = "dev"
				c.Env = append(c.Env, "GOPATH=/gopath", "CARGO_HOME=/cargo", "PIP_CACHE_DIR=/pip")
			},
			change: func(t *tree.Memory) {
				for _, name := range []string{
					"/var/cache/apt/x", "/var/log/dpkg.log", "/var/lib/apt/lists/x", "/root/.cache/go-build/x", "/home/dev/.cache/x", "/home/dev/go/pkg/x", "/gopath/pkg/mod/x", "/cargo/registry/x", "/pip/x",
					"/tmp/go-build123/x", "/tmp/npm-1/x", "/var/tmp/pip-1/x", "/tmp/hsperfdata_root/1", "/run/adduser", "/etc/ld.so.cache",
				} {
					t.File(name, 0o644, []byte("x"))
				}
				t.Symlink("/etc/systemd/system/multi-user.target.wants/x.service", "/lib/systemd/system/x.service")
				t.Symlink("/etc/rc3.d/S01x", "../init.d/x")
				t.File("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000::/home/dev:/bin/sh\n"))
				t.File("/etc/group", 0o644, []byte("root:x:0:\ndev:x:1000:\n"))
			},
			files: []string{"0644 0:0 /etc/group", "0644 0:0 /etc/passwd", "0775 1000:0 /home/dev/"},
			left:  []string{"/var/cache/apt which is kept by the package manager", "/home/dev/.cache which is a compiler's cache", "/tmp/go-build123 which is what a tool left over", "/etc/rc3.d/S01x which belongs to an init system", "/var/log/dpkg.log which is a log of the build"},
		},
		{
			name: "secrets, keys and version control stay out, each with a warning",
			base: debian,
			change: func(t *tree.Memory) {
				for _, name := range []string{"/srv/.env", "/srv/.env.local", "/srv/.envrc", "/srv/.npmrc", "/root/.docker/config.json"} {
					t.File(name, 0o644, []byte("A=1"))
				}
				for _, name := range []string{"/srv/tls.key", "/srv/server.pem", "/srv/.ssh/deploy", "/etc/ssh/ssh_host_rsa_key", "/srv/private_key.txt"} {
					t.File(name, 0o644, []byte("-----BEGIN OPENSSH PRIVATE KEY-----\n"))
				}
				t.File("/srv/putty.ppk", 0o644, []byte("PuTTY-User-Key-File-3: ssh-ed25519\n"))
				t.File("/srv/.git/config", 0o644, []byte("x"))
				t.File("/srv/sub/.git", 0o644, []byte("gitdir: ../.git/modules/sub"))
				t.File("/srv/.env.example", 0o644, []byte("A="))
				t.File("/srv/.env.production.sample", 0o644, []byte("A="))
				t.File("/srv/empty/.env", 0o644, nil)
				t.File("/srv/public.pem", 0o644, []byte("-----BEGIN CERTIFICATE-----\n"))
				t.File("/srv/keyboard.js", 0o644, []byte("PRIVATE KEY-----"))
			},
			files: []string{"0644 0:0 /srv/.env.example", "0644 0:0 /srv/.env.production.sample", "0644 0:0 /srv/empty/.env", "0644 0:0 /srv/public.pem", "0644 0:0 /srv/keyboard.js"},
			warns: []string{
				"COPY: /srv/.env was left out", "/srv/.env.local was left out", "/srv/.envrc was left out", "/srv/.npmrc was left out: it holds npm's credentials", "/root/.docker/config.json was left out",
				"/srv/tls.key was left out: it is a private key", "/srv/server.pem", "/srv/.ssh/deploy", "/etc/ssh/ssh_host_rsa_key", "/srv/private_key.txt", "/srv/putty.ppk", "/srv/.git was left out: it is version control data", "/srv/sub/.git was left out",
			},
		},
		{
			name: "what describes the build goes, with a warning",
			base: debian,
			change: func(t *tree.Memory) {
				for _, name := range []string{"/srv/Dockerfile", "/srv/Dockerfile.dev", "/srv/api.dockerfile", "/srv/Containerfile", "/srv/.dockerignore", "/srv/.whittle.yaml"} {
					t.File(name, 0o644, []byte("x"))
				}
			},
			files: []string{},
			warns: []string{"COPY: /srv/.dockerignore, /srv/.whittle.yaml, /srv/Containerfile, /srv/Dockerfile, /srv/Dockerfile.dev, /srv/api.dockerfile was left out: it describes the build"},
			left:  []string{"/srv/Dockerfile which describes the build"},
		},
		{
			name: "sources of the language that the stage compiles go, others stay",
			base: debian,
			change: func(t *tree.Memory) {
				for _, name := range []string{"/src/main.go", "/src/go.mod", "/src/go.sum", "/src/vendor/modules.txt", "/src/vendor/x/x.go", "/src/page.tmpl", "/src/tool.py", "/web/vendor/jquery.js"} {
					t.File(name, 0o644, []byte("x"))
				}
			},
			compile: []string{"go"},
			files:   []string{"0644 0:0 /src/page.tmpl", "0644 0:0 /src/tool.py", "0644 0:0 /web/vendor/jquery.js"},
			left:    []string{"/src/vendor which is Go source", "/src/main.go which is Go source"},
		},
		{
			name:   "sources that nothing compiles stay",
			base:   debian,
			change: func(t *tree.Memory) { t.File("/templates/gen.go", 0o644, []byte("x")) },
			files:  []string{"0644 0:0 /templates/gen.go"},
		},
		{
			name: "links",
			base: both(debian, func(t *tree.Memory) {
				t.Add("/dev/null", tree.Entry{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}, nil)
			}),
			change: func(t *tree.Memory) {
				t.File("/srv/releases/1/page", 0o644, []byte("x"))
				t.Symlink("/srv/current", "releases/1")
				t.Symlink("/var/log/access.log", "/dev/stdout")
				t.Symlink("/var/log/other.log", "/dev/null")
				t.Symlink("/srv/secret", "/run/secrets/token")
				t.Symlink("/srv/loop", "loop")
				t.Symlink("/usr/bin/vi", "sed")
				t.Symlink("/srv/zone", "../../../../etc/group")
			},
			files: []string{"0644 0:0 /srv/releases/1/page", "0777 0:0 /srv/current -> releases/1", "0777 0:0 /var/log/access.log -> /dev/stdout", "0777 0:0 /var/log/other.log -> /dev/null", "0777 0:0 /srv/secret -> /run/secrets/token", "0777 0:0 /srv/loop -> loop", "0777 0:0 /srv/zone -> ../../../../etc/group", "0644 0:0 /etc/group"},
			left:  []string{"/usr/bin/vi which is a link to /usr/bin/sed, which was left out"},
		},
		{
			name: "a link to a private key brings none along",
			base: func(t *tree.Memory) {
				debian(t)
				t.File("/etc/ssl/private/snakeoil.key", 0o644, []byte("-----BEGIN PRIVATE KEY-----"))
			},
			change: func(t *tree.Memory) { t.Symlink("/srv/tls.key", "/etc/ssl/private/snakeoil.key") },
			files:  []string{},
			warns:  []string{"/srv/tls.key was left out: it leads to /etc/ssl/private/snakeoil.key, which is a private key"},
		},
		{
			name: "devices, sockets and pipes",
			base: debian,
			change: func(t *tree.Memory) {
				t.Add("/srv/null", tree.Entry{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}, nil)
				t.Add("/srv/sock", tree.Entry{Mode: fs.ModeSocket | 0o666}, nil)
				t.Add("/srv/pipe", tree.Entry{Mode: fs.ModeNamedPipe | 0o666}, nil)
			},
			files: []string{},
			warns: []string{"/srv/null was left out: it is a device, socket or pipe", "/srv/sock", "/srv/pipe"},
		},
		{
			name: "directories: made, changed, and emptied by what goes",
			base: debian,
			change: func(t *tree.Memory) {
				t.Dir("/var/lib/app", 0o755)
				t.Dir("/opt", 0o750)
				t.Dir("/srv", 0o755) // as in the base image
				t.File("/src/main.go", 0o644, []byte("x"))
				owned(t, "/data", 0o700|fs.ModeDir, 0, 0)
				t.File("/data/.git/x", 0o644, nil)
			},
			compile: []string{"go"},
			files:   []string{"0775 65532:0 /var/lib/app/"},
			has:     []string{"0755 0:0 /opt/"},
			hasNot:  []string{"/src", "/srv", "/data"},
			changes: []string{"mode /opt: 0750 -> 0755", "mode /var/lib/app: 0755 -> 0775", "owner /var/lib/app: 0:0 -> 65532:0"},
		},
		{
			name: "what a new account gets is not the application's",
			base: func(t *tree.Memory) {
				debian(t)
				t.File("/etc/skel/.bashrc", 0o644, []byte("skel"))
				t.File("/etc/skel/.profile", 0o644, []byte("skel"))
			},
			change: func(t *tree.Memory) {
				t.File("/home/app/.bashrc", 0o644, []byte("skel"))
				t.File("/home/app/.profile", 0o644, []byte("mine"))
			},
			files: []string{"0644 0:0 /home/app/.profile"},
			left:  []string{"/home/app/.bashrc which is what every new account gets"},
		},
		{
			name: "libraries of a kept library come along, what is missing warns",
			base: func(t *tree.Memory) {
				debian(t)
				t.File(loader, 0o755, elftest.File{Library: true}.Bytes())
				t.File("/lib/liba.so", 0o755, elftest.File{Library: true, SoName: "liba.so"}.Bytes())
			},
			change: func(t *tree.Memory) {
				t.File("/srv/plugin.so", 0o644, elftest.File{Library: true, Needed: []string{"liba.so"}}.Bytes())
				t.File("/srv/broken", 0o755, elftest.File{Interp: loader, Needed: []string{"libgone.so"}}.Bytes())
			},
			has:   []string{"0755 0:0 /lib/liba.so", "0644 0:0 /srv/plugin.so"},
			warns: []string{"/srv/broken is kept and could not run: /srv/broken needs libgone.so"},
		},
		{
			name: "scripts that are kept",
			base: debian,
			change: func(t *tree.Memory) {
				t.File("/srv/tool.sh", 0o755, []byte("#!/bin/sh\nsed x\n"))
				t.File("/srv/empty", 0o755, nil)
			},
			hasNot: []string{"/usr/bin/sh", "/usr/bin/sed"},
			warns:  []string{"/srv/tool.sh is a script that is kept without its interpreter"},
		},
		{
			name: "a configuration that begins as no script does",
			base: debian,
			change: func(t *tree.Memory) {
				t.File("/srv/router.cfg", 0o755, []byte("#!ROUTER\nlisten 1\n"))
			},
			has:   []string{"0755 0:0 /srv/router.cfg"},
			quiet: true,
		},
		{
			name:   "a copied bundle is the user's",
			change: func(t *tree.Memory) { t.File("/etc/ssl/certs/ca-certificates.crt", 0o644, []byte("roots")) },
			files:  []string{"0644 0:0 /etc/ssl/certs/ca-certificates.crt"},
		},
		{
			name: "from scratch, with an account file that nothing reads",
			change: func(t *tree.Memory) {
				t.File("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\n"))
			},
			config: func(c *dockerspec.DockerOCIImageConfig) { c.User = "1000" },
			files:  []string{},
			left:   []string{"/etc/passwd which is written anew for the user of the image"},
			user:   "1000:0",
		},
		{
			name: "include and exclude decide in the end",
			base: func(t *tree.Memory) {
				debian(t)
				t.File("/usr/share/extra/x", 0o644, nil)
				t.File("/usr/bin/convert", 0o755, elftest.File{Interp: loader, Needed: []string{"liba.so"}}.Bytes())
				t.File(loader, 0o755, elftest.File{Library: true}.Bytes())
				t.File("/lib/liba.so", 0o755, elftest.File{Library: true, SoName: "liba.so"}.Bytes())
				t.File("/usr/bin/report", 0o755, []byte("#!/bin/sh\nsed x\n"))
			},
			change: func(t *tree.Memory) {
				t.File("/srv/.env", 0o644, []byte("A=1"))
				t.File("/docs/a.md", 0o644, nil)
			},
			options: decide.Options{Include: []string{"/usr/share/ext*", "/usr/bin/convert", "/srv/.env", "/usr/bin/report"}, Exclude: []string{"/docs", "/nothing", "/etc/ssl/**"}},
			config:  func(c *dockerspec.DockerOCIImageConfig) { c.Env = append(c.Env, "SSL_CERT_FILE=/x.pem") },
			files:   []string{"0644 0:0 /usr/share/extra/x", "0755 0:0 /usr/bin/convert", "0755 0:0 /lib/liba.so", "0755 0:0 " + loader, "0644 0:0 /srv/.env", "0755 0:0 /usr/bin/report", "0755 0:0 /usr/bin/sh", "0755 0:0 /usr/bin/sed", "0777 0:0 /bin -> usr/bin", "1777 0:0 /tmp/", "0644 0:0 /etc/passwd", "0644 0:0 /etc/group", "0775 65532:0 /home/nonroot/"},
			warns:   []string{"exclude: /nothing matches nothing that would be carried", "/usr/bin/report needs a shell"},
			left:    []string{"/docs/a.md which exclude: /docs", "/etc/ssl/certs/ca-certificates.crt which exclude: /etc/ssl/**"},
		},
		{
			name: "what must be there cannot be excluded",
			base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.WorkingDir = "/wd"
			},
			options: decide.Options{Exclude: []string{"/app"}},
			refused: "exclude: /app takes out /app, which ENTRYPOINT cannot start without",
		},
		{
			name: "a directory of the user stays whatever is excluded",
			base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.WorkingDir = "/wd"
			},
			options: decide.Options{Exclude: []string{"/wd"}},
			has:     []string{"0755 0:0 /app", "0775 65532:0 /wd/"},
		},
		{name: "an include that matches nothing", base: debian, options: decide.Options{Include: []string{"/gone/*"}}, refused: "include: /gone/* matches nothing"},
		{name: "a glob that is none", base: debian, options: decide.Options{Exclude: []string{"/a[b"}}, refused: "exclude: not a valid glob: /a[b"},
		{
			name:    "a secret that only root reads stays private when it is included",
			base:    debian,
			change:  func(t *tree.Memory) { t.File("/srv/.env", 0o600, []byte("A=1")) },
			options: decide.Options{Include: []string{"/srv/.env"}},
			files:   []string{"0600 65532:0 /srv/.env"},
			changes: []string{"owner /srv/.env: 0:0 -> 65532:0"},
			quiet:   true,
		},
		{
			name:    "so does one that a group reads",
			base:    debian,
			change:  func(t *tree.Memory) { owned(t, "/srv/.env", 0o640, 0, 44) },
			options: decide.Options{Include: []string{"/srv/.e*"}},
			files:   []string{"0640 65532:0 /srv/.env"},
		},
		{
			name:   "a key that a command line names is not opened either",
			base:   debian,
			change: func(t *tree.Memory) { t.File("/srv/tls.key", 0o600, []byte("-----BEGIN PRIVATE KEY-----")) },
			config: entrypoint("/app", "-key", "/srv/tls.key"),
			hasNot: []string{"/srv/tls.key"},
			warns:  []string{"/srv/tls.key was left out: it is a private key"},
		},
	})
}
