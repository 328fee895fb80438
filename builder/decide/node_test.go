package decide_test

import (
	"debug/elf"
	"io/fs"
	"slices"
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

const (
	nodeEntrypoint = `#!/bin/sh
set -e
if [ "${1#-}" != "${1}" ] || [ -z "$(command -v "${1}")" ] || { [ -f "${1}" ] && ! [ -x "${1}" ]; }; then
  set -- node "$@"
fi
exec "$@"
`
	script = "#!/usr/bin/env node\n"
)

// nodeBase is a base image in the layout of the official ones.
func nodeBase(t *tree.Memory) {
	packaged(t)
	nodeFiles(t)
}

// packaged is a base image whose programs belong to packages.
func packaged(t *tree.Memory) {
	debian(t)
	installed(t, "coreutils: /usr/bin/env /usr/bin/sh /usr/bin/mkdir /usr/bin/sed /usr/bin/gosu /usr/bin/chown /usr/bin/su-exec /usr/bin/tini", "libc6: "+loader+" /usr/lib/libc.so.6")
	t.File(loader, 0o755, elftest.File{Library: true}.Bytes())
	t.File("/usr/lib/libc.so.6", 0o755, elftest.File{Library: true, SoName: "libc.so.6"}.Bytes())
}

// nodeFiles are what the makers of the official images put there.
func nodeFiles(t *tree.Memory) {
	t.File("/usr/local/bin/node", 0o755, elftest.File{Interp: loader, Needed: []string{"libc.so.6"}}.Bytes())
	t.Symlink("/usr/local/bin/nodejs", "/usr/local/bin/node")
	t.File("/usr/local/bin/docker-entrypoint.sh", 0o755, []byte(nodeEntrypoint))
	t.File("/usr/local/include/node/node.h", 0o644, []byte("x"))
	for _, name := range []string{"npm", "npx"} {
		t.File("/usr/local/lib/node_modules/npm/bin/"+name+"-cli.js", 0o755, []byte(script))
		t.Symlink("/usr/local/bin/"+name, "../lib/node_modules/npm/bin/"+name+"-cli.js")
	}
	t.File("/usr/local/lib/node_modules/npm/package.json", 0o644, []byte(`{"name":"npm","version":"10.0.0"}`))
	t.File("/usr/local/lib/node_modules/npm/lib/cli.js", 0o644, []byte("x"))
	t.File("/usr/local/README.md", 0o644, []byte("x"))
	t.File("/opt/yarn-v1.22.22/package.json", 0o644, []byte(`{"name":"yarn","version":"1.22.22"}`))
	t.File("/opt/yarn-v1.22.22/bin/yarn", 0o755, []byte("#!/bin/sh\nexec node \"$basedir/yarn.js\" \"$@\"\n"))
	t.File("/opt/yarn-v1.22.22/bin/yarn.js", 0o755, []byte(script))
	t.Symlink("/usr/local/bin/yarn", "/opt/yarn-v1.22.22/bin/yarn")
}

// nodeApp is an application below /srv/app with express installed by npm.
func nodeApp(manifest string, more ...string) func(*tree.Memory) {
	return func(t *tree.Memory) {
		t.File("/srv/app/package.json", 0o644, []byte(manifest))
		t.File("/srv/app/server.js", 0o644, []byte("require('express')\n"))
		t.File("/srv/app/node_modules/.package-lock.json", 0o644, []byte(`{"packages":{"node_modules/express":{"version":"4.18.2"},"node_modules/mocha":{"version":"9.0.0","dev":true},"node_modules/@s/p":{"version":"1.0.0"}}}`))
		t.File("/srv/app/node_modules/express/package.json", 0o644, []byte(`{"name":"express","version":"0.0.0"}`))
		t.File("/srv/app/node_modules/express/index.js", 0o644, []byte("x"))
		for _, m := range more {
			name, text, _ := strings.Cut(m, ": ")
			mode := fs.FileMode(0o644)
			if strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "\x7f") {
				mode = 0o755
			}
			if target, ok := strings.CutPrefix(text, "-> "); ok {
				t.Symlink(name, target)
			} else {
				t.File(name, mode, []byte(text))
			}
		}
	}
}

func nodeConfig(entry, cmd []string, vars ...string) func(*dockerspec.DockerOCIImageConfig) {
	return func(c *dockerspec.DockerOCIImageConfig) {
		c.Entrypoint, c.Cmd, c.WorkingDir = entry, cmd, "/srv/app"
		c.Env = append(c.Env, vars...)
	}
}

var official = []string{"docker-entrypoint.sh"}

// starts holds a plan to the command line and the variables of its image.
func starts(entry, cmd string, vars ...string) func(*testing.T, *image.Plan) {
	return func(t *testing.T, p *image.Plan) {
		t.Helper()
		if e, c := strings.Join(p.Config.Entrypoint, " "), strings.Join(p.Config.Cmd, " "); e != entry || c != cmd {
			t.Errorf("it starts %q %q, want %q %q", e, c, entry, cmd)
		}
		for _, kv := range vars {
			if !slices.Contains(p.Config.Env, kv) {
				t.Errorf("%s is not among %q", kv, p.Config.Env)
			}
		}
	}
}

var (
	// of every image whose command line needs neither npm nor a shell
	nodeLeft = []string{"/usr/bin/sh", "/usr/local/bin/npm", "/usr/local/lib/node_modules/npm/lib/cli.js", "/usr/local/include/node/node.h", "/opt/yarn-v1.22.22/bin/yarn.js", "/usr/local/bin/docker-entrypoint.sh", "/usr/local/README.md"}
	nodeHas  = []string{"0755 0:0 /usr/local/bin/node", "0644 0:0 /srv/app/server.js", "0644 0:0 /srv/app/node_modules/express/index.js", "0644 0:0 /srv/app/package.json"}
)

func TestNode(t *testing.T) {
	plain := nodeApp(`{"name":"a","version":"1.2.3","scripts":{"start":"node server.js"}}`)
	run(t, []stage{
		{name: "node and a file", base: nodeBase, change: plain, config: nodeConfig(official, []string{"node", "server.js"}), has: nodeHas, hasNot: append([]string{"/usr/bin/env"}, nodeLeft...), check: starts("", "node server.js")},
		{name: "a file alone", base: nodeBase, change: plain, config: nodeConfig(official, []string{"server.js"}), has: nodeHas, hasNot: nodeLeft, check: starts("", "node server.js")},
		{name: "without its extension", base: nodeBase, change: plain, config: nodeConfig([]string{"node"}, []string{"server"}), has: nodeHas, hasNot: nodeLeft, check: starts("node", "server")},
		{name: "npm start", base: nodeBase, change: plain, config: nodeConfig(official, []string{"npm", "start"}), has: nodeHas, hasNot: nodeLeft, check: starts("", "node server.js"), changes: []string{`command CMD: ["npm","start"] -> ["node","server.js"]`}},
		{name: "in shell form", base: nodeBase, change: plain, config: nodeConfig(official, []string{"/bin/sh", "-c", "npm start"}), has: nodeHas, hasNot: nodeLeft, check: starts("", "node server.js")},
		{name: "behind tini", base: nodeBase, change: plain, config: nodeConfig([]string{"tini", "--"}, []string{"npm", "start"}), has: append([]string{"0755 0:0 /usr/bin/tini"}, nodeHas...), hasNot: nodeLeft, check: starts("tini --", "node server.js")},
		{name: "as an entrypoint", base: nodeBase, change: plain, config: nodeConfig([]string{"npm"}, []string{"run", "start"}), has: nodeHas, hasNot: nodeLeft, check: starts("node server.js", "")},
		{
			name: "a script that sets variables", base: nodeBase, change: nodeApp(`{"scripts":{"serve":"NODE_ENV=production A='b c' node --enable-source-maps server.js"}}`),
			config: nodeConfig(official, []string{"npm", "run", "serve", "--", "--port", "80"}, "NODE_ENV=development"), has: nodeHas, hasNot: nodeLeft,
			check: starts("", "node --enable-source-maps server.js --port 80", "NODE_ENV=production", "A=b c"),
		},
		{
			name: "a program of a package", base: nodeBase,
			change: nodeApp(`{"scripts":{"start":"serve -p 80"}}`, "/srv/app/node_modules/.bin/serve: -> ../express/bin.js", "/srv/app/node_modules/express/bin.js: "+script),
			config: nodeConfig(official, []string{"npm", "start"}), has: append([]string{"0777 0:0 /srv/app/node_modules/.bin/serve -> ../express/bin.js"}, nodeHas...), hasNot: append([]string{"/usr/bin/env"}, nodeLeft...),
			check: starts("", "node node_modules/.bin/serve -p 80"),
		},
		{
			name: "a shim of pnpm", base: nodeBase,
			change: nodeApp(`{}`, "/srv/app/node_modules/.bin/serve: #!/bin/sh\nbasedir=$(dirname \"$0\")\nif [ -z \"$NODE_PATH\" ]; then\n  export NODE_PATH=\"/srv/app/node_modules/.pnpm/node_modules\"\nfi\nif [ -x \"$basedir/node\" ]; then\n  exec \"$basedir/node\"  \"$basedir/../express/bin.js\" \"$@\"\nelse\n  exec node  \"$basedir/../express/bin.js\" \"$@\"\nfi\n", "/srv/app/node_modules/express/bin.js: "+script),
			config: nodeConfig(official, []string{"npx", "serve", "x"}), has: nodeHas, hasNot: nodeLeft,
			check: starts("", "node /srv/app/node_modules/express/bin.js x", "NODE_PATH=/srv/app/node_modules/.pnpm/node_modules"),
		},
		{
			name: "what npm sets for scripts", base: nodeBase, change: nodeApp(`{"name":"@a/b","version":"1.2.3","scripts":{"start":"node server.js"}}`, "/srv/app/lib/v.js: export const v = process.env.npm_package_version, d = process.env.INIT_CWD\n"),
			config: nodeConfig(official, []string{"yarn", "start"}), has: nodeHas, hasNot: nodeLeft, check: starts("", "node server.js", "npm_package_version=1.2.3", "INIT_CWD=/srv/app"),
		},
		{
			name: "a script for a shell", base: nodeBase, change: nodeApp(`{"scripts":{"start":"mkdir -p x && node server.js"}}`), config: nodeConfig(official, []string{"npm", "start"}),
			has:   append([]string{"0644 0:0 /usr/local/lib/node_modules/npm/lib/cli.js", "0755 0:0 /usr/bin/sh", "0755 0:0 /usr/bin/mkdir", "0755 0:0 /usr/bin/env"}, nodeHas...),
			warns: []string{`CMD: CMD starts npm start: "mkdir -p x && node server.js" needs a shell, so the image has /bin/sh`}, check: starts("", "npm start"), hasNot: []string{"/usr/local/include/node/node.h", "/opt/yarn-v1.22.22/bin/yarn.js"},
		},
		{
			name: "a script before it", base: nodeBase, change: nodeApp(`{"scripts":{"prestart":"node migrate.js","start":"node server.js"}}`), config: nodeConfig(official, []string{"npm", "start"}),
			has: append([]string{"0644 0:0 /usr/local/lib/node_modules/npm/lib/cli.js"}, nodeHas...), warns: []string{"has a script prestart as well"},
		},
		{name: "what npm does is not known", base: nodeBase, change: plain, config: nodeConfig(official, []string{"npm", "ping"}), has: append([]string{"0644 0:0 /usr/local/lib/node_modules/npm/lib/cli.js", "0755 0:0 /usr/bin/sh"}, nodeHas...)},
		{name: "the main file is missing", base: nodeBase, change: plain, config: nodeConfig(official, []string{"node", "dist/main.js"}), refused: "CMD: node starts /srv/app/dist/main.js, which is not in the built image; copy or build it"},
		{name: "the script is missing", base: nodeBase, change: plain, config: nodeConfig(official, []string{"npm", "run", "x"}), refused: "CMD: /srv/app/package.json has no script x, which npm run x runs"},
		{name: "the program of a script is missing", base: nodeBase, change: nodeApp(`{"scripts":{"start":"next start"}}`), config: nodeConfig(official, []string{"npm", "start"}), refused: "npm start runs next, which is neither in /srv/app/node_modules/.bin nor along PATH"},
		{name: "package.json is no JSON", base: nodeBase, change: nodeApp(`{"scripts":`), config: nodeConfig(official, []string{"npm", "start"}), refused: "CMD: /srv/app/package.json is not valid JSON"},
		{name: "scripts in a circle", base: nodeBase, change: nodeApp(`{"scripts":{"start":"npm run a","a":"npm run start"}}`), config: nodeConfig(official, []string{"npm", "start"}), refused: "does not settle"},
		{name: "a module that an option names is missing", base: nodeBase, change: plain, config: nodeConfig(official, []string{"node", "-r", "dotenv/config", "server.js"}), refused: "CMD names the module dotenv/config by --require or --import, which is not in the built image"},
		{name: "or NODE_OPTIONS", base: nodeBase, change: plain, config: nodeConfig(official, []string{"node", "server.js"}, `NODE_OPTIONS=--max-old-space-size=99 -r "./x y.js"`), refused: "NODE_OPTIONS names the module ./x y.js"},
		{
			name: "certificate authorities", base: nodeBase, change: plain, config: nodeConfig(official, []string{"node", "server.js"}, "NODE_EXTRA_CA_CERTS=/etc/own/ca.pem", "NODE_OPTIONS=--use-openssl-ca"),
			warns: []string{"ENV: NODE_EXTRA_CA_CERTS names /etc/own/ca.pem, which is not in the built image"}, has: []string{"0444 0:0 /etc/ssl/certs/ca-certificates.crt"},
		},
		{
			name: "native modules", base: nodeBase, change: func(t *tree.Memory) {
				plain(t)
				t.File("/usr/lib/libpng.so", 0o644, elftest.File{Library: true, SoName: "libpng.so", Needed: []string{"libc.so.6"}}.Bytes())
				for name, f := range map[string]elftest.File{
					"linux-x64/a": {Library: true, Needed: []string{"libpng.so", "libc.so.6"}}, "linux-x64-musl/a": {Library: true, Needed: []string{"libc.musl-x86_64.so.1"}},
					"linux-arm64/a": {Library: true, Machine: elf.EM_AARCH64, Needed: []string{"libelsewhere.so"}},
				} {
					t.File("/srv/app/node_modules/express/prebuilds/"+name+".node", 0o644, f.Bytes())
				}
				t.File("/srv/app/node_modules/express/prebuilds/darwin/a.node", 0o644, []byte("\xcf\xfa\xed\xfe"))
			},
			config: nodeConfig(official, []string{"node", "server.js"}), has: append([]string{"0644 0:0 /usr/lib/libpng.so", "0644 0:0 /srv/app/node_modules/express/prebuilds/linux-arm64/a.node"}, nodeHas...),
			check: func(t *testing.T, p *image.Plan) {
				for _, w := range p.Warnings {
					if strings.Contains(w.Message, "prebuilds") {
						t.Errorf("%+v", w)
					}
				}
			},
		},
		{
			name: "components", base: nodeBase, change: nodeApp(`{"name":"a","version":"1.2.3"}`, "/srv/app/node_modules/@s/p/package.json: {}", "/srv/app/node_modules/.pnpm/@q+r@2.0.0_x@1/node_modules/@q/r/package.json: {}", "/srv/app/node_modules/mocha/package.json: {}", "/srv/app/node_modules/other/package.json: {\"name\":\"other\",\"version\":\"7.0.0\"}"),
			config: nodeConfig(official, []string{"node", "server.js"}),
			warns:  []string{"1 packages, 2 B in 1 files, are there for development alone, by npm's own list: mocha"},
			check: func(t *testing.T, p *image.Plan) {
				var got []string
				for _, c := range p.Components {
					got = append(got, c.Type+" "+c.Name+"@"+c.Version+" "+strings.TrimPrefix(c.Program, "/srv/app/"))
				}
				want := []string{"npm @q/r@2.0.0 node_modules/.pnpm/@q+r@2.0.0_x@1/node_modules/@q/r/package.json", "npm @s/p@1.0.0 node_modules/@s/p/package.json", "npm express@4.18.2 node_modules/express/package.json", "npm mocha@9.0.0 node_modules/mocha/package.json", "npm other@7.0.0 node_modules/other/package.json", "npm a@1.2.3 package.json"}
				if !slices.Equal(got, want) {
					t.Errorf("%q\nwant %q", got, want)
				}
			},
		},
		{
			name: "what its own files do", base: nodeBase, change: func(t *tree.Memory) {
				nodeApp(`{}`, "/srv/app/lib/a.js: const { exec, spawn } = require('child_process')\nexec('mkdir -p /x')\nspawn('sed', ['x'])\nspawn('ffmpeg')\nfs.mkdirSync('./uploads')\nos.tmpdir()\n", "/srv/app/node_modules/express/b.js: require('child_process').exec('chown')")(t)
				t.Dir("/srv/app/uploads", 0o755)
			},
			config: nodeConfig(official, []string{"node", "server.js"}), has: append([]string{"0755 0:0 /usr/bin/mkdir", "0755 0:0 /usr/bin/sed", "0755 0:0 /usr/bin/sh", "0775 65532:0 /srv/app/uploads/", "1777 0:0 /tmp/"}, nodeHas...), hasNot: []string{"/usr/bin/chown"},
			warns: []string{"/srv/app/lib/a.js:2 runs a command line by a shell", "/srv/app/lib/a.js:4 starts ffmpeg, which is not in the built image", "/srv/app/lib/a.js:5 writes to /srv/app/uploads", "/srv/app/lib/a.js:6 uses the directory for temporary files, /tmp"},
		},
		{
			name: "modules that are not there", base: nodeBase, change: nodeApp(`{}`, "/srv/app/main.mjs: import fs from 'fs'\nimport 'node:os'\nimport express from 'express'\nimport { a } from '@a/b/c'\nimport './server.js'\nimport '#own'\n  require('optional')\n"),
			config: nodeConfig(official, []string{"node", "main.mjs"}), has: nodeHas, warns: []string{"/srv/app/main.mjs:4 loads @a/b/c, which is not in the built image where node looks for it"},
			check: func(t *testing.T, p *image.Plan) {
				if len(p.Warnings) != 1 {
					t.Errorf("%+v", p.Warnings)
				}
			},
		},
		{
			name: "Next", base: nodeBase, change: nodeApp(`{"dependencies":{"next":"14"}}`, "/srv/app/.next/BUILD_ID: x"), config: nodeConfig(official, []string{"node", "server.js"}),
			has: []string{"0775 65532:0 /srv/app/.next/cache/"}, warns: []string{"next writes to /srv/app/.next/cache, which has to be writable"},
		},
		{
			name: "a package of the workspace that is not there", base: nodeBase, change: nodeApp(`{}`, "/srv/app/node_modules/@me/lib: -> ../../packages/lib"), config: nodeConfig(official, []string{"node", "server.js"}),
			warns: []string{"a package is a link that leads nowhere in the built image, so it cannot be loaded: /srv/app/node_modules/@me/lib to /srv/app/packages/lib"},
		},
		{
			name: "an application of the base image", base: func(t *tree.Memory) { nodeBase(t); plain(t) }, change: func(t *tree.Memory) { t.File("/srv/app/more.js", 0o644, nil) },
			config: nodeConfig(official, []string{"node", "server.js"}), has: nodeHas, hasNot: nodeLeft,
		},
		{
			name: "node of the Dockerfile's own", base: packaged, change: func(t *tree.Memory) { nodeFiles(t); plain(t) }, config: nodeConfig(nil, []string{"npm", "start"}), has: nodeHas, hasNot: nodeLeft,
			left: []string{"/usr/local/lib/node_modules/npm which the package manager npm", "/usr/local/include/node which headers of Node.js, to compile native modules with"},
		},
		{name: "an own script", base: nodeBase, change: nodeApp(`{}`, "/srv/app/cli.js: "+script), config: nodeConfig([]string{"/srv/app/cli.js"}, nil), has: nodeHas, hasNot: append([]string{"/usr/bin/env"}, nodeLeft...), check: starts("node /srv/app/cli.js", "")},
		{name: "with arguments that may change", base: nodeBase, change: nodeApp(`{}`, "/srv/app/cli.js: "+script), config: nodeConfig([]string{"/srv/app/cli.js"}, []string{"--help"}), has: append([]string{"0755 0:0 /usr/bin/env"}, nodeHas...), hasNot: nodeLeft, check: starts("/srv/app/cli.js", "--help")},
		{
			name: "Plug'n'Play", base: nodeBase, change: nodeApp(`{"scripts":{"start":"node server.js"}}`, "/srv/app/.pnp.cjs: x", "/srv/app/.yarn/cache/a.zip: x"), config: nodeConfig(official, []string{"yarn", "start"}),
			has: append([]string{"0644 0:0 /srv/app/.yarn/cache/a.zip", "0644 0:0 /srv/app/.pnp.cjs"}, nodeHas...), hasNot: nodeLeft, check: starts("", "node -r ./.pnp.cjs server.js"),
		},
		{
			name: "a health check that sets variables for itself", base: nodeBase, change: nodeApp(`{"scripts":{"health":"PORT=1 node server.js"}}`),
			config: func(c *dockerspec.DockerOCIImageConfig) {
				nodeConfig(official, []string{"node", "server.js"})(c)
				c.Healthcheck = &dockerspec.HealthcheckConfig{Test: []string{"CMD", "npm", "run", "health"}}
			},
			has: append([]string{"0644 0:0 /usr/local/lib/node_modules/npm/lib/cli.js"}, nodeHas...),
			check: func(t *testing.T, p *image.Plan) {
				if h := p.Config.Healthcheck.Test; h[1] != "npm" || slices.Contains(p.Config.Env, "PORT=1") {
					t.Errorf("%q %q", h, p.Config.Env)
				}
			},
		},
		{
			name: "a health check that sets none", base: nodeBase, change: nodeApp(`{"scripts":{"health":"node server.js"}}`),
			config: func(c *dockerspec.DockerOCIImageConfig) {
				nodeConfig(official, []string{"node", "server.js"})(c)
				c.Healthcheck = &dockerspec.HealthcheckConfig{Test: []string{"CMD-SHELL", "npm run health || exit 1"}}
			},
			has: nodeHas, hasNot: nodeLeft,
			check: func(t *testing.T, p *image.Plan) {
				if h := p.Config.Healthcheck.Test; !slices.Equal(h, []string{"CMD", "node", "server.js"}) {
					t.Errorf("%q", h)
				}
			},
		},
		{
			name: "a tool that is installed globally", base: nodeBase, change: nodeApp(`{}`, "/usr/local/lib/node_modules/pm2/package.json: {}", "/usr/local/lib/node_modules/pm2/bin/pm2-runtime: "+script, "/usr/local/bin/pm2-runtime: -> ../lib/node_modules/pm2/bin/pm2-runtime", "/srv/app/a.js: require('child_process').exec('id')\n"),
			config: nodeConfig(official, []string{"pm2-runtime", "server.js"}), has: nodeHas, hasNot: nodeLeft[1:], check: starts("", "node /usr/local/bin/pm2-runtime server.js"),
			warns: []string{"pm2 writes to PM2_HOME", "/srv/app/a.js:1 runs a command line by a shell"},
		},
		{
			name: "what is no program", base: nodeBase, change: nodeApp(`{"main":"../../etc/passwd"}`), config: nodeConfig(official, []string{"node", "."}), refused: "starts /etc/passwd, which is no program",
		},
		{
			name: "musl", base: func(t *tree.Memory) {
				packaged(t)
				nodeFiles(t)
				t.File("/lib/ld-musl-x86_64.so.1", 0o755, elftest.File{Library: true}.Bytes())
				t.File("/usr/local/bin/node", 0o755, elftest.File{Interp: "/lib/ld-musl-x86_64.so.1", Needed: []string{"libc.musl-x86_64.so.1"}}.Bytes())
			},
			change: func(t *tree.Memory) {
				plain(t)
				t.File("/usr/lib/libpng.so", 0o644, elftest.File{Library: true, SoName: "libpng.so"}.Bytes())
				t.File("/usr/lib/libgif.so", 0o644, elftest.File{Library: true, SoName: "libgif.so"}.Bytes())
				t.File("/srv/app/node_modules/express/musl.node", 0o755, elftest.File{Library: true, Needed: []string{"libpng.so", "libc.musl-x86_64.so.1"}}.Bytes())
				t.File("/srv/app/node_modules/express/glibc.node", 0o755, elftest.File{Library: true, Needed: []string{"libgif.so", "libc.so.6"}}.Bytes())
			},
			config: nodeConfig(official, []string{"npm", "start"}), has: append([]string{"0644 0:0 /usr/lib/libpng.so"}, nodeHas...), hasNot: append([]string{loader}, nodeLeft...),
		},
		{
			name: "a shell's entrypoint that starts npm", base: nodeBase, change: nodeApp(`{"scripts":{"start":"npm run -s more && node server.js","more":"chown x"}}`, "/entry.sh: #!/bin/sh\nmkdir -p /x\nexec npm start\n"), config: nodeConfig([]string{"/entry.sh"}, nil),
			has: append([]string{"0755 0:0 /usr/bin/chown"}, append([]string{"0644 0:0 /usr/local/lib/node_modules/npm/lib/cli.js", "0755 0:0 /usr/bin/sh"}, nodeHas...)...),
		},
	})
}
