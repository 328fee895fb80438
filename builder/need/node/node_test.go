package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct{ args, script, modules, run string }{
		{"server.js --port 80", "server.js", "", ""},
		{"--enable-source-maps -r ./a --import=./b.mjs --title x . y", ".", "./a ./b.mjs", ""},
		{"--max-old-space-size=4096 dist/main", "dist/main", "", ""},
		{"--stack-trace-limit 5 x.js", "5", "", ""}, // V8's own take no word
		{"-C production --env-file .env x.js", "x.js", "", ""},
		{"-e 1 x.js", "", "", ""},
		{"--eval=1", "", "", ""},
		{"--test a.js", "", "", ""},
		{"--run start -- x", "", "", "start"},
		{"-- -x.js", "-x.js", "", ""},
		{"-", "", "", ""},
		{"--inspect x.js", "x.js", "", ""},
		{"-r", "", "", ""},
		{"", "", "", ""},
	} {
		got := parse(strings.Fields(tc.args))
		if got.script != tc.script || strings.Join(got.modules, " ") != strings.TrimSpace(tc.modules) || got.run != tc.run {
			t.Errorf("%q: %+v", tc.args, got)
		}
		if got.script != "" && strings.Fields(tc.args)[got.at] != got.script {
			t.Errorf("%q: the script is not word %d", tc.args, got.at)
		}
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                          nil,
		" -r  a ":                   {"-r", "a"},
		`-r "a b" --x="c \"d\""`:    {"-r", "a b", `--x=c "d"`},
		`-r a\b`:                    {"-r", `a\b`},
		`""`:                        {""},
		`--require ./x "unfinished`: {"--require", "./x", "unfinished"},
	} {
		if got := words(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestParseManager(t *testing.T) {
	for _, tc := range []struct{ line, want string }{
		{"npm start", "npm script=start"},
		{"npm --silent run serve -- -p 80", "npm script=serve args=[-p 80]"},
		{"npm run serve a b", "npm script=serve args=[a b]"},
		{"npm run --prefix server serve", "npm script=serve dir=server"},
		{"npm --prefix=server start", "npm script=start dir=server"},
		{"npm run serve --port 80", ""}, // a setting of npm's, not the script's
		{"npm run", ""},
		{"npm", ""},
		{"npm ci", ""},
		{"npm exec -- serve -l", "npm program=serve args=[-l] fetch"},
		{"npm -w api start", ""},
		{"npx --yes serve@14 -s", "npm program=serve args=[-s] fetch"},
		{"npx @nestjs/cli@10 start", "npm program=@nestjs/cli args=[start] fetch"},
		{"npx -p a b", ""},
		{"yarn", ""},
		{"yarn start --port 80", "yarn script=start program=start args=[--port 80]"},
		{"yarn run -T next start", ""},
		{"yarn node server.js", "yarn program=node args=[server.js]"},
		{"yarn workspace api start", ""},
		{"yarn --cwd api start", "yarn script=start program=start dir=api"},
		{"pnpm next start", "pnpm script=next program=next args=[start]"},
		{"pnpm run start", "pnpm script=start program=start"},
		{"pnpm --filter api start", ""},
		{"pnpm -C api exec next start", "pnpm program=next args=[start] dir=api"},
		{"pnpm start -- x", ""},
		{"pnpx serve", "pnpm program=serve fetch"},
	} {
		got, ok := parseManager(strings.Fields(tc.line))
		text := ""
		if ok {
			text = got.manager
			for _, f := range []struct{ name, value string }{{"script", got.script}, {"program", got.program}, {"args", fmt.Sprint(got.args)}, {"dir", got.dir}} {
				if f.value != "" && f.value != "[]" {
					text += " " + f.name + "=" + f.value
				}
			}
			if got.fetch {
				text += " fetch"
			}
		}
		if text != tc.want {
			t.Errorf("%s: %q, want %q", tc.line, text, tc.want)
		}
	}
}

func TestPlain(t *testing.T) {
	for _, tc := range []struct {
		script string
		vars   []string
		argv   []string
	}{
		{"node server.js", nil, []string{"node", "server.js"}},
		{"exec node 'a b.js'", nil, []string{"node", "a b.js"}},
		{"NODE_ENV=production X= node .", []string{"NODE_ENV=production", "X="}, []string{"node", "."}},
		{"cross-env NODE_ENV=production PORT=80 next start", []string{"NODE_ENV=production", "PORT=80"}, []string{"next", "start"}},
		{"A=1 cross-env B=2 node x", []string{"A=1", "B=2"}, []string{"node", "x"}},
		{"cross-env A=$B node x", nil, nil},
		{"cross-env A=1", nil, nil},
		{"A=$B node x", nil, nil},
		{"A=~/x node x", nil, nil},
		{"A=1", nil, nil},
		{"node x && node y", nil, nil},
		{"node x | cat", nil, nil},
		{"node x > log", nil, nil},
		{"node x &", nil, nil},
		{"node $X", nil, nil},
		{"node *.js", nil, nil},
		{"cd x", nil, nil},
		{"(node x)", nil, nil},
		{"", nil, nil},
		{"node 'x", nil, nil},
	} {
		vars, argv, ok := plain(tc.script)
		if ok != (tc.argv != nil) || ok && (!slices.Equal(vars, tc.vars) || !slices.Equal(argv, tc.argv)) {
			t.Errorf("%s: %q %q %v", tc.script, vars, argv, ok)
		}
	}
}

const pnpmShim = `#!/bin/sh
basedir=$(dirname "$(echo "$0" | sed -e 's,\\,/,g')")

case ` + "`uname`" + ` in
    *CYGWIN*) basedir=` + "`cygpath -w \"$basedir\"`" + `;;
esac

if [ -z "$NODE_PATH" ]; then
  export NODE_PATH="/app/node_modules/.pnpm/next@14/node_modules:/app/node_modules/.pnpm/node_modules"
else
  export NODE_PATH="/app/node_modules/.pnpm/node_modules:$NODE_PATH"
fi
if [ -x "$basedir/node" ]; then
  exec "$basedir/node"  "$basedir/../next/dist/bin/next" "$@"
else
  exec node  "$basedir/../next/dist/bin/next" "$@"
fi
`

func TestParseShim(t *testing.T) {
	for _, tc := range []struct {
		name, text, target, path string
		node                     bool
	}{
		{"pnpm", pnpmShim, "/app/node_modules/next/dist/bin/next", "/app/node_modules/.pnpm/next@14/node_modules:/app/node_modules/.pnpm/node_modules", true},
		{"a program", "#!/bin/sh\nbasedir=x\nexec \"$basedir/../esbuild/bin/esbuild\"   \"$@\"\n", "/app/node_modules/esbuild/bin/esbuild", "", false},
		{"an absolute path", "#!/bin/sh\nbasedir=x\nexec node \"/opt/x.js\" \"$@\"\n", "/opt/x.js", "", true},
		{"options", "#!/bin/sh\nbasedir=x\nexec node --no-warnings \"$basedir/x.js\" \"$@\"\n", "/app/node_modules/.bin/x.js", "", true},
		{"two files", "#!/bin/sh\nbasedir=x\nexec node \"$basedir/x.js\" \"$@\"\nexec node \"$basedir/y.js\" \"$@\"\n", "", "", false},
		{"arguments of its own", "#!/bin/sh\nbasedir=x\nexec node \"$basedir/x.js\" -x \"$@\"\n", "", "", false},
		{"another script", "#!/bin/sh\nexec node x.js \"$@\"\n", "", "", false},
		{"bash", "#!/bin/bash\nbasedir=x\nexec node \"$basedir/x.js\" \"$@\"\n", "", "", false},
	} {
		s, ok := parseShim("/app/node_modules/.bin/x", []byte(tc.text))
		if ok != (tc.target != "") || s.target != tc.target || s.nodePath != tc.path || s.node != tc.node {
			t.Errorf("%s: %+v %v", tc.name, s, ok)
		}
	}
}

func TestManifest(t *testing.T) {
	m, err := parseManifest([]byte("\ufeff" + `{"name":"@a/b","version":"1.2.3","main":false,"scripts":{"start":"x","bad":1},"bin":"cli.js","dependencies":{"a":"1"},"optionalDependencies":[],"devDependencies":{"a":"1","d":"1"},"config":{"port":80,"deep":{"er":true}},"engines":{"node":">=20"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if m.name != "@a/b" || m.main != "" || m.scripts["start"] != "x" || len(m.scripts) != 1 || m.bin["b"] != "cli.js" || !m.direct["a"] || m.dev["a"] || !m.dev["d"] {
		t.Errorf("%+v", m)
	}
	vars := m.variables()
	for name, want := range map[string]string{"npm_package_version": "1.2.3", "npm_package_config_port": "80", "npm_package_config_deep_er": "true", "npm_package_engines_node": ">=20"} {
		if vars[name] != want {
			t.Errorf("%s=%q, want %q", name, vars[name], want)
		}
	}
	for _, text := range []string{"", "[]", `"x"`, "{", strings.Repeat("[", 1<<20)} {
		if _, err := parseManifest([]byte(text)); err == nil {
			t.Errorf("%.20s is taken for a package.json", text)
		}
	}
}

func TestVirtual(t *testing.T) {
	for dir, want := range map[string]string{
		"express@4.18.2": "express 4.18.2",
		"@babel+core@7.24.0_supports-color@8.1.1": "@babel/core 7.24.0",
		"next@14.2.0(react@18.0.0)":               "next 14.2.0",
		"a@1.0.0-rc.1":                            "a 1.0.0-rc.1",
		"a@file+..+b":                             "",
		"a@https+++x":                             "",
		"node_modules":                            "",
		"@":                                       "",
		"":                                        "",
	} {
		name, version, ok := virtual(dir)
		if got := strings.TrimSpace(name + " " + version); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q %v", dir, got, ok)
		}
	}
}

func TestParseMap(t *testing.T) {
	got := parseMap([]byte(`\
        "packageLocation": "./.yarn/cache/ms-npm-2.1.3-81ff3cfac1-d924b57e73.zip/node_modules/ms/",\
        "packageLocation": "./.yarn/unplugged/@img-sharp-linux-x64-npm-0.34.3-0123456789/node_modules/@img/sharp-linux-x64/",\
        "packageLocation": "./.yarn/cache/a-npm-1.0.0-rc.1-81ff3cfac1-d924b57e73.zip/node_modules/a/",\
        "packageLocation": "./",\
`))
	want := []string{"ms 2.1.3 .yarn/cache/ms-npm-2.1.3-81ff3cfac1-d924b57e73.zip", "@img/sharp-linux-x64 0.34.3 .yarn/unplugged/@img-sharp-linux-x64-npm-0.34.3-0123456789", "a 1.0.0-rc.1 .yarn/cache/a-npm-1.0.0-rc.1-81ff3cfac1-d924b57e73.zip"}
	var text []string
	for _, c := range got {
		text = append(text, c.Name+" "+c.Version+" "+c.Program)
	}
	if !slices.Equal(text, want) {
		t.Errorf("%q", text)
	}
}

func TestFile(t *testing.T) {
	x := &tree.Memory{}
	for name, text := range map[string]string{
		"/app/server.js": "", "/app/dir/index.js": "", "/app/main/package.json": `{"main":"lib"}`, "/app/main/lib/index.json": "", "/app/exact": "", "/app/exact.js": "",
		"/app/broken/package.json": "{", "/app/gone/package.json": `{"main":"x"}`, "/app/gone/index.js": "", "/app/node_modules/@s/p/sub.js": "", "/app/node_modules/e/package.json": `{"exports":"./e.mjs"}`,
		"/node_modules/up/index.js": "", "/else/np/index.node": "",
	} {
		x.File(name, 0o644, []byte(text))
	}
	x.Symlink("/app/link", "server.js")
	x.Symlink("/app/loop", "loop")
	env := &need.Env{Tree: x, Dir: "/app", Vars: []string{"NODE_PATH=/else"}}
	r := New(nil)
	for name, want := range map[string]string{
		"/app/server": "/app/server.js", "/app/server.js": "/app/server.js", "/app/dir": "/app/dir/index.js", "/app/dir/": "/app/dir/index.js", "/app/main": "/app/main/lib/index.json",
		"/app/exact": "/app/exact", "/app/exact/": "", "/app/link": "/app/link", "/app/loop": "", "/app/no": "", "/app/gone": "/app/gone/index.js", "/app/broken": "!",
	} {
		got, ok, err := r.file(t.Context(), env, name)
		if (err != nil) != (want == "!") || err == nil && (got != want || ok != (want != "")) {
			t.Errorf("file %s: %q %v %v", name, got, ok, err)
		}
	}
	for name, want := range map[string]string{
		"./server": "/app/server.js", "@s/p/sub": "/app/node_modules/@s/p/sub.js", "e": "/app/node_modules/e/package.json", "e/deep/er": "/app/node_modules/e/package.json", "up": "/node_modules/up/index.js",
		"np": "/else/np/index.node", "file:///app/server.js": "/app/server.js", "no": "!", "../no": "!", "node:fs": "", "@s": "!",
	} {
		got, ok, err := r.module(t.Context(), env, "/app", name)
		if err != nil || ok != (want != "!") || ok && got != want {
			t.Errorf("module %s: %q %v %v", name, got, ok, err)
		}
	}
}

func TestScan(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []string // KIND NAME[…]:LINE
	}{
		{"const { exec, spawn: sp } = require('child_process');\nexec('ls -l');\nsp(\"git\", ['x']);", []string{"shell ls -l:2", "program git:3"}},
		{"import * as cp from 'node:child_process'\ncp.execSync(`convert ${x}`)\ncp.execFile(name)\ncp.fork('./x.js')", []string{"shell convert …:2", "program …:3"}},
		{"import { spawn } from 'child_process';\nspawn('ls', [], {\n shell: true });\nspawn('ls', []); f({ shell: true })", []string{"shell ls:2", "program ls:4"}},
		{"const child_process_1 = require(\"child_process\");\nconst run = (0, util_1.promisify)(child_process_1.exec);\n(0, child_process_1.execSync)('id');\nawait run('date')", []string{"shell id:3", "shell date:4"}},
		{"const cp = require('child_process')\n/x/.exec('a'); re.exec(b); db.exec('c'); // cp.exec('d')\n// cp.exec('e')\n * cp.exec('f')", nil},
		{"/x/.exec(y); spawn('a')", nil},
		{"require('child_process').exec('a' + b)", []string{"shell a…:1"}},
		{"const cp = require('child_process'); cp.spawn(process.execPath, ['x'])", nil},
		{"x(os.tmpdir())\nfs.writeFileSync('./data/db.json', y)\nopen('/tmp/x')\nos.homedir()", []string{"temp :1", "write ./data/db.json:2", "temp :3", "home :4"}},
		{"const upload = multer({ dest: 'uploads/' })", []string{"write uploads/:1"}},
		{"console.log(process.env.npm_package_version,\n process.env.INIT_CWD)", []string{"variable npm_package_version:1", "variable INIT_CWD:2"}},
		{"const cp=require('child_process');cp.exec('x')" + strings.Repeat(";", maxLine), nil}, // nobody wrote it
		{"import cp, { exec as run } from 'child_process'\nrun('a'); cp.spawn('b')", []string{"shell a:2", "program b:2"}},
	} {
		var got []string
		for _, u := range scan([]byte(tc.text)) {
			more := "…"
			if u.whole {
				more = ""
			}
			got = append(got, fmt.Sprintf("%s %s%s:%d", []string{"shell", "program", "temp", "home", "variable", "write"}[u.kind], u.name, more, u.line))
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%.60s (-want +got)\n%s", tc.text, d)
		}
	}
}

func TestIsSource(t *testing.T) {
	for name, want := range map[string]bool{
		"server.js": true, "src/a.ts": true, "dist/main.cjs": true, "a.d.ts": false, "public/a.js": false, "node_modules/x/a.js": false, ".next/server/a.js": false, "a.min.js": false, "a.json": false, "src/test/a.js": false,
	} {
		if isSource(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// TestTables holds the tables to being complete.
func TestTables(t *testing.T) {
	for _, k := range knownPackages() {
		if k.source == "" || k.says == "" && !k.shell && !k.temp && k.write == "" && len(k.programs) == 0 {
			t.Errorf("%s says nothing, or not from where", k.name)
		}
	}
	for _, p := range prunable {
		if p.why == "" || strings.HasPrefix(p.path, "/") {
			t.Errorf("%+v", p)
		}
	}
	for _, table := range []string{PackagesTable(), PrunedTable()} {
		if n := strings.Count(table, "\n"); n < 20 {
			t.Errorf("a table of %d lines", n)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"name":"a","scripts":{"start":"node ."},"bin":{"x":"y"},"config":{"a":{"b":[1]}}}`))
	f.Add([]byte(`{"packages":{"node_modules/a":{"version":"1","dev":true}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if m, err := parseManifest(text); err == nil {
			if n := len(m.variables()); n > 2*maxVariables {
				t.Errorf("%d variables", n)
			}
		}
		_, _ = parseLock(text)
		_ = parseMap(text)
	})
}

func FuzzShim(f *testing.F) {
	f.Add("/app/node_modules/.bin/x", []byte(pnpmShim))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		if s, ok := parseShim(name, text); ok && s.target == "" {
			t.Error("a shim of nothing")
		}
	})
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("const { exec, spawn: sp } = require('child_process');\nexec(`ls ${x}`); (0, a.exec)('x'); os.tmpdir()\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		uses := append(imports(text), scan(text)...)
		if len(uses) > 2*maxUses {
			t.Errorf("%d uses", len(uses))
		}
		for _, u := range uses {
			if u.line < 1 {
				t.Errorf("%+v", u)
			}
		}
	})
}

func FuzzCommand(f *testing.F) {
	f.Add("npm --prefix a run b -- c", "NODE_ENV=x cross-env A=1 node -r a b")
	f.Fuzz(func(t *testing.T, line, script string) {
		if argv := strings.Fields(line); len(argv) > 0 {
			_, _ = parseManager(argv)
			_ = parse(argv[1:])
		}
		_ = words(line)
		_, _, _ = virtual(line)
		if _, argv, ok := plain(script); ok && len(argv) == 0 {
			t.Error("a command of no words")
		}
		_ = followed(script)
	})
}
