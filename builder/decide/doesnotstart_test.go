package decide_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestDoesNotStart holds docs/when-it-does-not-start.md to what is really said:
// the page has each message between backquotes, and each comes from the plan of
// an image with that fault.
func TestDoesNotStart(t *testing.T) {
	page, err := os.ReadFile("../../docs/when-it-does-not-start.md")
	if err != nil {
		t.Fatal(err)
	}
	loaded := func(f elftest.File) func(*tree.Memory) {
		return func(t *tree.Memory) {
			debs(t) // the loader
			t.File("/app", 0o755, program(f))
		}
	}
	script := func(text string) func(*tree.Memory) {
		return func(t *tree.Memory) { t.File("/entry.sh", 0o755, []byte(text)) }
	}
	for message, s := range map[string]stage{
		"/app needs libpq.so.5, which is not in the built image": {change: loaded(elftest.File{Needed: []string{"libpq.so.5"}})},
		"/app needs GLIBC_2.38 of libc.so.6, which the one in the built image does not have": {change: func(t *tree.Memory) {
			loaded(elftest.File{Needed: []string{"libc.so.6"}, Requires: map[string][]string{"libc.so.6": {"GLIBC_2.38"}}})(t)
			t.File(multiarch+"libc.so.6", 0o755, elftest.File{Library: true, SoName: "libc.so.6", Provides: []string{"GLIBC_2.36"}}.Bytes())
		}},
		"/entry.sh begins with #!/bin/bash, which is not in the built image": {config: entrypoint("/entry.sh"), change: script("#!/bin/bash\nexec /app\n")},
		"curl is not along PATH": {config: func(c *dockerspec.DockerOCIImageConfig) {
			c.Healthcheck = &dockerspec.HealthcheckConfig{Test: []string{"CMD", "curl", "-f", "http://localhost/"}}
		}},
		"nothing shows a use of the package graphviz": {change: func(t *tree.Memory) {
			debs(t, deb{name: "graphviz", files: map[string][]byte{"/usr/bin/dot": program(elftest.File{})}})
		}},
		"/entry.sh computes the name of a command": {config: entrypoint("/entry.sh"), change: script("#!/bin/sh\n$(cat /tmp/x) start\n")},
		"/srv/tls.key was left out: it is a private key": {change: func(t *tree.Memory) {
			t.File("/srv/tls.key", 0o600, []byte("-----BEGIN PRIVATE KEY-----\nx"))
		}},
		"port 80/tcp is below 1024, which some platforms let only root open": {config: func(c *dockerspec.DockerOCIImageConfig) { c.ExposedPorts = map[string]struct{}{"80/tcp": {}} }},
		"/usr/sbin/haproxy calls chroot, and /etc/haproxy/haproxy.cfg says \"chroot /var/lib/haproxy\", which needs root, so the image runs as root": {config: entrypoint("haproxy", "-f", "/etc/haproxy/haproxy.cfg"), change: func(t *tree.Memory) {
			debs(t, deb{name: "haproxy", files: map[string][]byte{"/usr/sbin/haproxy": program(elftest.File{Imports: []string{"chroot", "getuid"}}), "/etc/haproxy/haproxy.cfg": []byte("global\n chroot /var/lib/haproxy\n")}})
		}},
		"which is a compiler and not in the image": {change: func(t *tree.Memory) {
			debs(t, deb{name: "gcc", files: map[string][]byte{"/usr/bin/gcc": program(elftest.File{})}})
			t.File("/app", 0o755, program(elftest.File{Imports: []string{"system"}, Text: "\x00gcc -o %s %s\x00"}))
		}},
		"so what it needs cannot be seen": {change: func(t *tree.Memory) {
			t.File("/app", 0o755, elftest.File{NoSections: true, Text: strings.Repeat("x", 8<<10)}.Bytes())
		}},
		"CMD starts app.py, and /app.py is not in the built image": {base: cpython, config: cmdOf("python", "app.py")},
		"and Python 3.12 finds no module shop":                     {base: cpython, config: cmdOf("python", "-m", "shop")},
		"the virtual environment /venv leads to /root/.local/share/uv/python/bin/python3.12, which is not in the built image": {base: cpython, config: cmdOf("/venv/bin/python", "-c", "1"), change: func(t *tree.Memory) {
			t.File("/venv/pyvenv.cfg", 0o644, []byte("home = /root/.local/share/uv/python/bin\n"))
			t.Symlink("/venv/bin/python", "/root/.local/share/uv/python/bin/python3.12")
		}},
		"and its interpreter /usr/local/bin/python3.12 is Python 3.12": {base: cpython, config: cmdOf("/venv/bin/python", "-c", "1"), change: func(t *tree.Memory) {
			t.File("/venv/pyvenv.cfg", 0o644, []byte("home = /usr/local/bin\n"))
			t.Symlink("/venv/bin/python", "/usr/local/bin/python3.12")
			t.File("/venv/lib/python3.11/site-packages/shop.py", 0o644, nil)
		}},
		"are for Python 3.11, and the image has Python 3.12": {base: cpython, config: cmdOf("python", "/srv/main.py"), change: func(t *tree.Memory) {
			t.File("/srv/main.py", 0o644, []byte("import fast\n"))
			t.File("/usr/local/lib/python3.12/site-packages/fast/c.cpython-311-x86_64-linux-gnu.so", 0o755, elftest.File{Library: true}.Bytes())
		}},
		"CMD starts public/index.php, and /srv/public/index.php is not in the built image": {base: officialPHP, config: func(c *dockerspec.DockerOCIImageConfig) {
			cmdOf("php", "public/index.php")(c)
			c.WorkingDir = "/srv"
		}},
		"and its configuration php-fpm.conf is not in the built image": {base: officialPHP, config: cmdOf("php-fpm")},
		"enables the extension redis, which is not in": {base: officialPHP, config: cmdOf("php", "/srv/index.php"), change: func(t *tree.Memory) {
			t.File("/srv/index.php", 0o644, nil)
			t.File("/usr/local/etc/php/conf.d/redis.ini", 0o644, []byte("extension=redis\n"))
		}},
		"asks for the gem rack 2.2.8, which is not installed in": {base: officialRuby, config: func(c *dockerspec.DockerOCIImageConfig) {
			cmdOf("bundle", "exec", "puma")(c)
			c.WorkingDir = "/srv"
		}, change: func(t *tree.Memory) {
			t.File("/srv/Gemfile", 0o644, []byte("gem 'rack'\n"))
			t.File("/srv/Gemfile.lock", 0o644, []byte("GEM\n  specs:\n    rack (2.2.8)\n    puma (6.0.0)\n"))
		}},
		"CMD starts puma, and /srv/config.ru is not in the built image": {base: officialRuby, config: func(c *dockerspec.DockerOCIImageConfig) {
			cmdOf("puma")(c)
			c.WorkingDir = "/srv"
		}},
		"uses Shop::Cart, which is in no directory of modules of the built image": {base: func(t *tree.Memory) {
			debian(t)
			t.File("/usr/local/bin/perl", 0o755, elftest.File{}.Bytes())
			t.File("/usr/local/lib/perl5/5.38.0/strict.pm", 0o644, nil)
		}, config: cmdOf("perl", "/srv/shop.pl"), change: func(t *tree.Memory) {
			t.File("/srv/shop.pl", 0o644, []byte("use strict;\nuse Shop::Cart;\n"))
		}},
		"whose environment is not in the built image": {base: cpython, config: cmdOf("uv", "run", "app.py"), change: func(t *tree.Memory) { t.File("/usr/local/bin/uv", 0o755, program(elftest.File{})) }},
		"/srv/jobs.py:2 starts ffmpeg, which is not in the built image": {base: cpython, config: cmdOf("python", "/srv/jobs.py"), change: func(t *tree.Memory) {
			t.File("/srv/jobs.py", 0o644, []byte("import subprocess\nsubprocess.run(['ffmpeg'])\n"))
		}},
		"is kept and could not run": {change: func(t *tree.Memory) {
			t.File("/opt/plugin.so", 0o755, library("plugin.so", "libgone.so.1"))
		}},
		"node starts /srv/app/dist/main.js, which is not in the built image":                 {base: nodeBase, change: nodeApp(`{}`), config: nodeConfig(nil, []string{"node", "dist/main.js"})},
		"npm start runs next, which is neither in /srv/app/node_modules/.bin nor along PATH": {base: nodeBase, change: nodeApp(`{"scripts":{"start":"next start"}}`), config: nodeConfig(nil, []string{"npm", "start"})},
		"a package is a link that leads nowhere in the built image": {
			base: nodeBase, change: nodeApp(`{}`, "/srv/app/node_modules/@shop/lib: -> ../../packages/lib"), config: nodeConfig(nil, []string{"node", "server.js"}),
		},
		"server.js:8 writes to /srv/app/data, which has to be writable": {
			base: nodeBase, change: nodeApp(`{}`, "/srv/app/server.js: "+strings.Repeat("\n", 7)+"fs.mkdirSync('./data')\n"), config: nodeConfig(nil, []string{"node", "server.js"}),
		},
	} {
		t.Run(message, func(t *testing.T) {
			if !strings.Contains(string(page), message) {
				t.Errorf("the page does not have %q", message)
			}
			if s.base == nil {
				s.base = debian
			}
			p, err := decide.Decide(t.Context(), s.input())
			if r, ok := errors.AsType[*image.RefusedError](err); ok {
				if !strings.Contains(r.Error(), message) {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if u, ok := errors.AsType[*image.UnsupportedError](err); ok {
				if !strings.Contains(u.Error(), message) {
					t.Errorf("built as written: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(p.Warnings, func(w image.Warning) bool {
				return strings.Contains(strings.TrimPrefix(w.Instruction+" ", " ")+w.Message, message)
			}) {
				t.Errorf("warnings: %+v", p.Warnings)
			}
		})
	}
}

// cpython is a base with the official layout of Python.
func cpython(t *tree.Memory) {
	debian(t)
	t.File("/usr/local/bin/python3.12", 0o755, elftest.File{}.Bytes())
	t.Symlink("/usr/local/bin/python", "python3.12")
	t.File("/usr/local/lib/python3.12/os.py", 0o644, nil)
}

// cmdOf sets CMD.
func cmdOf(argv ...string) func(*dockerspec.DockerOCIImageConfig) {
	return func(c *dockerspec.DockerOCIImageConfig) { c.Entrypoint, c.Cmd = nil, argv }
}

// officialPHP is a base image in the layout of the official ones.
func officialPHP(t *tree.Memory) {
	debian(t)
	for _, name := range []string{"/usr/local/bin/php", "/usr/local/bin/php-fpm"} {
		t.File(name, 0o755, elftest.File{}.Bytes())
	}
	t.File("/usr/local/etc/php/conf.d/docker-php-ext-sodium.ini", 0o644, nil)
	t.Dir("/usr/local/lib/php/extensions/no-debug-non-zts-20230831", 0o755)
}

// officialRuby is a base image in the layout of the official ones, with a gem.
func officialRuby(t *tree.Memory) {
	debian(t)
	t.File("/usr/local/bin/ruby", 0o755, elftest.File{}.Bytes())
	for _, name := range []string{"bundle", "puma"} {
		t.File("/usr/local/bin/"+name, 0o755, []byte("#!/usr/local/bin/ruby\n"))
	}
	t.File("/usr/local/lib/ruby/3.3.0/json.rb", 0o644, nil)
	t.File("/usr/local/bundle/specifications/puma-6.0.0.gemspec", 0o644, nil)
}
