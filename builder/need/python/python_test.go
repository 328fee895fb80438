package python

import (
	"bytes"
	"context"
	"debug/elf"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	whittleelf "github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/need/wrapper"
	"github.com/whittle-oci/whittle/builder/tree"
)

// official is a tree in the layout of the official image, with an application
// in a virtual environment.
func official(t testing.TB) *tree.Memory {
	t.Helper()
	var m tree.Memory
	program := elftest.File{Machine: elf.EM_X86_64}.Bytes()
	m.File("/usr/local/bin/python3.12", 0o755, program)
	m.Symlink("/usr/local/bin/python3", "python3.12")
	m.Symlink("/usr/local/bin/python", "python3")
	m.File("/bin/sh", 0o755, program)
	for _, name := range []string{"os.py", "encodings/utf_8.py", "http/server.py", "test/test_os.py", "idlelib/idle.py", "tkinter/__init__.py", "turtle.py", "config-3.12-x86_64-linux-gnu/Makefile", "lib-dynload/_ssl.cpython-312-x86_64-linux-gnu.so", "lib-dynload/_testcapi.cpython-312-x86_64-linux-gnu.so"} {
		m.File("/usr/local/lib/python3.12/"+name, 0o644, []byte("x"))
	}
	for _, name := range []string{"pip/__main__.py", "pip-24.0.dist-info/METADATA", "flask/__init__.py", "flask/__main__.py", "Flask-3.0.0.dist-info/METADATA"} {
		m.File("/usr/local/lib/python3.12/site-packages/"+name, 0o644, []byte("x"))
	}
	m.File("/usr/local/include/python3.12/Python.h", 0o644, nil)
	m.File("/usr/local/bin/pip3", 0o755, []byte("#!/usr/local/bin/python3.12\n"))
	m.File("/usr/local/bin/gunicorn", 0o755, []byte("#!/usr/local/bin/python3.12\nimport sys\n"))
	m.File("/app/app.py", 0o644, []byte("import flask\n"))
	m.File("/app/pkg/__main__.py", 0o644, nil)
	m.File("/app/pkg/__init__.py", 0o644, nil)
	m.File("/venv/pyvenv.cfg", 0o644, []byte("home = /usr/local/bin\ninclude-system-site-packages = false\n"))
	m.Symlink("/venv/bin/python", "/usr/local/bin/python3.12")
	m.Symlink("/venv/bin/python3", "python")
	m.File("/venv/bin/uvicorn", 0o755, []byte("#!/venv/bin/python\n"))
	m.File("/venv/bin/long", 0o755, []byte("#!/bin/sh\n'''exec' /venv/bin/python \"$0\" \"$@\"\n' '''\nimport sys\n"))
	m.File("/venv/bin/relocatable", 0o755, []byte("#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n"))
	m.File("/venv/lib/python3.12/site-packages/service/__init__.py", 0o644, nil)
	m.File("/venv/lib/python3.12/site-packages/service.pth", 0o644, []byte("/app/src\n"))
	m.File("/app/src/editable/__init__.py", 0o644, nil)
	m.File("/usr/local/bin/uv", 0o755, program)
	m.File("/usr/local/bin/poetry", 0o755, []byte("#!/opt/poetry/bin/python\n"))
	m.File("/usr/local/bin/conda", 0o755, []byte("#!/opt/conda/bin/python\n"))
	m.File("/usr/bin/tini", 0o755, program)
	return &m
}

func environment(m *tree.Memory, vars ...string) *need.Env {
	return &need.Env{Tree: m, Dir: "/app", Vars: append([]string{"PATH=/usr/local/bin:/usr/bin:/bin"}, vars...)}
}

func launchers() []need.Launcher {
	r := New(whittleelf.NewFiles())
	return []need.Launcher{wrapper.Launcher{}, r, shell.New(), need.Lookup{}, need.Execute{}}
}

func TestLaunch(t *testing.T) {
	for _, c := range []struct {
		name  string
		argv  []string
		more  []string
		vars  []string
		want  []string // command line of the image, when it is another
		asks  string   // a path that is asked for
		error string
	}{
		{name: "file", argv: []string{"python", "app.py"}, asks: "/app/app.py"},
		{name: "file behind options", argv: []string{"python3", "-u", "-Wd", "-X", "dev", "app.py", "x"}, asks: "/app/app.py"},
		{name: "file of CMD", argv: []string{"python"}, more: []string{"app.py"}, asks: "/app/app.py"},
		{name: "directory", argv: []string{"python", "pkg"}, asks: "/app/pkg/__main__.py"},
		{name: "module", argv: []string{"python", "-m", "pkg"}, asks: "/app/pkg/__main__.py"},
		{name: "module, attached", argv: []string{"python", "-Bum", "pkg.thing"}, error: "finds no module pkg.thing"},
		{name: "module of site-packages", argv: []string{"python", "-m", "flask", "run"}, asks: "/usr/local/lib/python3.12/site-packages/flask/__main__.py"},
		{name: "module of the standard library", argv: []string{"python", "-m", "http.server"}, asks: "/usr/local/bin/python"},
		{name: "code", argv: []string{"python", "-c", "print(1)"}, asks: "/usr/local/bin/python"},
		{name: "missing file", argv: []string{"python", "main.py"}, error: "CMD starts main.py, and /app/main.py is not in the built image"},
		{name: "missing module", argv: []string{"python", "-m", "nothing"}, error: "Python 3.12 finds no module nothing in /app"},
		{name: "missing module where code adds directories", argv: []string{"python", "-m", "nothing"}, vars: []string{"PYTHONPATH=/app/lib.zip"}},
		{name: "server", argv: []string{"gunicorn", "-b", "0.0.0.0:8000", "app:app"}, asks: "/app/app.py"},
		{name: "server of CMD", argv: []string{"gunicorn"}, more: []string{"app:create()"}, asks: "/app/app.py"},
		{name: "server without its module", argv: []string{"gunicorn", "wrong:app"}, error: "CMD has gunicorn serve wrong, and Python 3.12 finds no module wrong"},
		{name: "server in another directory", argv: []string{"gunicorn", "--chdir", "/app/pkg", "app:app"}, asks: "/app/app.py"},
		{name: "server that is configured in Python", argv: []string{"gunicorn", "-c", "conf.py", "wrong:app"}},
		{name: "worker class", argv: []string{"gunicorn", "-k", "uvicorn.workers:Worker", "app:app"}, asks: "/app/app.py"},
		{name: "server in an environment", argv: []string{"/venv/bin/uvicorn", "service:app"}, asks: "/venv/lib/python3.12/site-packages/service/__init__.py"},
		{name: "editable package", argv: []string{"/venv/bin/uvicorn", "editable:app"}, asks: "/app/src/editable/__init__.py"},
		{name: "python of an environment", argv: []string{"/venv/bin/python", "-m", "service"}, asks: "/venv/bin/python"},
		{name: "long #! line of pip", argv: []string{"/venv/bin/long", "x"}, want: []string{"/venv/bin/python", "/venv/bin/long", "x"}, asks: "/venv/bin/long"},
		{name: "relocatable script of uv", argv: []string{"/venv/bin/relocatable"}, want: []string{"/venv/bin/python", "/venv/bin/relocatable"}},
		{name: "long #! line of pip with CMD", argv: []string{"/venv/bin/long"}, more: []string{"x"}, want: []string{"/venv/bin/python", "/venv/bin/long", "x"}},
		{name: "behind an init", argv: []string{"tini", "--", "/venv/bin/long"}, want: []string{"tini", "--", "/venv/bin/python", "/venv/bin/long"}},
		{name: "uv", argv: []string{"uv", "run", "--no-sync", "uvicorn", "service:app"}, vars: []string{"UV_PROJECT_ENVIRONMENT=/venv"}, want: []string{"/venv/bin/uvicorn", "service:app"}},
		{name: "uv with a file", argv: []string{"uv", "run", "app.py"}, vars: []string{"UV_PROJECT_ENVIRONMENT=/venv"}, want: []string{"/venv/bin/python", "app.py"}},
		{name: "uv with a module", argv: []string{"uv", "run", "-m", "service"}, vars: []string{"UV_PROJECT_ENVIRONMENT=/venv"}, want: []string{"/venv/bin/python", "-m", "service"}},
		{name: "uv without its environment", argv: []string{"uv", "run", "app.py"}, error: "whose environment is not in the built image"},
		{name: "uv that installs", argv: []string{"uv", "run", "--with", "httpx", "app.py"}, vars: []string{"UV_PROJECT_ENVIRONMENT=/venv"}, error: "options that change no environment"},
		{name: "conda", argv: []string{"conda", "run", "-n", "shop", "python", "app.py"}, error: "conda, which runs scripts that activate an environment"},
		{name: "poetry", argv: []string{"poetry", "run", "python", "app.py"}, vars: []string{"VIRTUAL_ENV=/venv"}, want: []string{"/venv/bin/python", "app.py"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := environment(official(t), c.vars...)
			got, err := need.Launch(t.Context(), env, need.Command{Argv: c.argv, More: c.more, Instruction: "CMD", Reason: "CMD"}, launchers())
			if c.error != "" {
				if err == nil || !strings.Contains(err.Error(), c.error) {
					t.Fatalf("error %v, want %q", err, c.error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			if want == nil {
				want = c.argv
			}
			if !slices.Equal(got.Argv, want) {
				t.Errorf("command line %q, want %q", got.Argv, want)
			}
			if c.asks != "" && !slices.ContainsFunc(got.Needs, func(n need.Need) bool { return n.Path == c.asks && n.Strength == need.Required }) {
				t.Errorf("%s is not asked for: %v", c.asks, paths(got.Needs))
			}
		})
	}
}

func paths(needs []need.Need) (out []string) {
	for _, n := range needs {
		out = append(out, n.Path)
	}
	return out
}

func TestInterpreters(t *testing.T) {
	for _, c := range []struct {
		name, program string
		change        func(*tree.Memory)
		want          interpreter
		error         string
	}{
		{name: "official", program: "/usr/local/bin/python", want: interpreter{program: "/usr/local/bin/python3.12", prefix: "/usr/local", library: "/usr/local/lib/python3.12", version: "3.12"}},
		{name: "environment", program: "/venv/bin/python3", want: interpreter{program: "/usr/local/bin/python3.12", prefix: "/usr/local", library: "/usr/local/lib/python3.12", version: "3.12", venv: "/venv"}},
		{name: "environment of copies", program: "/copied/bin/python", change: func(m *tree.Memory) {
			m.File("/copied/bin/python", 0o755, nil)
			m.File("/copied/pyvenv.cfg", 0o644, []byte("HOME = /usr/local/bin\ninclude-system-site-packages = True\n"))
		}, want: interpreter{program: "/copied/bin/python", prefix: "/usr/local", library: "/usr/local/lib/python3.12", version: "3.12", venv: "/copied", system: true}},
		{name: "its interpreter is gone", program: "/venv/bin/python", change: func(m *tree.Memory) { m.Symlink("/venv/bin/python", "/root/.local/share/uv/python/bin/python3.12") }, error: "leads to /root/.local/share/uv/python/bin/python3.12, which is not in the built image"},
		{name: "of another version", program: "/venv/bin/python", change: func(m *tree.Memory) {
			m.Remove("/venv/lib")
			m.File("/venv/lib/python3.11/site-packages/x.py", 0o644, nil)
		}, error: "has packages for Python 3.11, and its interpreter /usr/local/bin/python3.12 is Python 3.12"},
		{name: "without home", program: "/copied/bin/python", change: func(m *tree.Memory) {
			m.File("/copied/bin/python", 0o755, nil)
			m.File("/copied/pyvenv.cfg", 0o644, nil)
		}, error: "names no home"},
		{name: "links in a circle", program: "/loop/python", change: func(m *tree.Memory) { m.Symlink("/loop/python", "python3"); m.Symlink("/loop/python3", "python") }},
		{name: "no standard library", program: "/opt/bin/python3.9", change: func(m *tree.Memory) { m.File("/opt/bin/python3.9", 0o755, nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := official(t)
			if c.change != nil {
				c.change(m)
			}
			in, err := find(t.Context(), m, c.program)
			if c.error != "" {
				if bad, ok := err.(*image.RefusedError); !ok || !strings.Contains(bad.Message, c.error) || bad.Hint == "" {
					t.Fatalf("error %v, want %q with a way out", err, c.error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got interpreter
			if in != nil {
				got = *in
			}
			if got != c.want {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestNeeds holds what an interpreter brings to the tables.
func TestNeeds(t *testing.T) {
	m := official(t)
	env := environment(m)
	head, err := env.Head(t.Context(), "/usr/local/bin/python3.12")
	if err != nil {
		t.Fatal(err)
	}
	v := need.Visit{Need: need.Need{Kind: need.Program, Path: "/venv/bin/python"}, Path: "/usr/local/bin/python3.12", Head: head}
	r := New(whittleelf.NewFiles())
	if !r.Claims(v) {
		t.Fatal("the interpreter is not claimed")
	}
	found, err := r.Needs(t.Context(), env, v)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, p := range paths(found.Needs) {
		have[p] = true
	}
	for name, want := range map[string]bool{
		"/usr/local/lib/python3.12/os.py": true, "/usr/local/lib/python3.12/encodings/utf_8.py": true, "/usr/local/lib/python3.12/lib-dynload/_ssl.cpython-312-x86_64-linux-gnu.so": true,
		"/venv/pyvenv.cfg": true, "/venv/lib/python3.12/site-packages/service/__init__.py": true,
		"/usr/local/lib/python3.12/test/test_os.py": false, "/usr/local/lib/python3.12/turtle.py": false, "/usr/local/lib/python3.12/lib-dynload/_testcapi.cpython-312-x86_64-linux-gnu.so": false,
		"/usr/local/lib/python3.12/site-packages/flask/__init__.py": false, // the environment does not see it
	} {
		if have[name] != want {
			t.Errorf("%s is asked for: %t, want %t", name, have[name], want)
		}
	}
	pruned, err := r.Prunes(t.Context(), environment(m), []string{"/usr/local/bin/python3.12"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/usr/local/lib/python3.12/site-packages/pip", "/usr/local/lib/python3.12/site-packages/pip-24.0.dist-info", "/usr/local/include/python3.12", "/usr/local/bin/pip3", "/usr/local/lib/python3.12/test", "/usr/local/lib/python3.12/config-3.12-x86_64-linux-gnu"} {
		if pruned[name] == "" {
			t.Errorf("%s is not pruned: %v", name, slices.Sorted(maps.Keys(pruned)))
		}
	}
	for _, name := range []string{"/usr/local/bin/gunicorn", "/usr/local/lib/python3.12/os.py", "/usr/local/lib/python3.12/site-packages/flask"} {
		if pruned[name] != "" {
			t.Errorf("%s is pruned: %s", name, pruned[name])
		}
	}
}

func TestScan(t *testing.T) {
	const src = `#!/usr/bin/env python3
"""import nothing
os.system("not code")"""
import os, sys as system
import a.b.c
from subprocess import run as go, Popen
from . import sibling
import subprocess
if True: import turtle
# os.system("comment")
os.system("convert a.png b.jpg | gzip\n")
os.popen(command)
go(["ffmpeg", "-i", name])
subprocess.check_output("ls -l", shell=True)
subprocess.run(args, shell=True)
Popen(("git", "log"), cwd="/srv/data")
subprocess.run(["x"], env={"shell": True})
x = ctypes.util.find_library('magic')
lib = ctypes.CDLL("libfoo.so.1")
ffi.dlopen(name)
open("/etc/mime.types")
open(f"/etc/{name}")
importlib.import_module("plugin.one")
z = zoneinfo.ZoneInfo("Europe/Berlin")
os.execvp("nginx", ["nginx"])
s = 'it''s' "/one/path\
/there" '/caf\xe9' r'/raw\d'
`
	u := scan(src)
	texts := func(ms []mention) (out []string) {
		for _, m := range ms {
			out = append(out, m.text)
		}
		return out
	}
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"imports", texts(u.imports), []string{"os", "sys", "a.b.c", "subprocess", "subprocess.run", "subprocess.Popen", ".", "..sibling", "subprocess", "turtle", "plugin.one"}},
		{"shells", texts(u.shells), []string{"convert a.png b.jpg | gzip\n", "", "ls -l", ""}},
		{"programs", texts(u.programs), []string{"ffmpeg", "git", "x", "nginx"}},
		{"finds", texts(u.finds), []string{"magic"}},
		{"libraries", texts(u.libraries), []string{"libfoo.so.1"}},
		{"paths", texts(u.paths), []string{"/srv/data", "/etc/mime.types", "/one/path/there", `/raw\d`}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	if !u.zones {
		t.Error("ZoneInfo is not seen")
	}
	if u.shells[0].line != 11 {
		t.Errorf("os.system is in line %d, want 11", u.shells[0].line)
	}
}

func TestDistributions(t *testing.T) {
	for name, want := range map[string]string{
		"/x/site-packages/Flask-3.0.0.dist-info/METADATA":              "flask 3.0.0",
		"/x/site-packages/ruamel.yaml-0.18.6.dist-info/METADATA":       "ruamel-yaml 0.18.6",
		"/x/dist-packages/Werkzeug-2.2.2.egg-info/PKG-INFO":            "werkzeug 2.2.2",
		"/x/dist-packages/six-1.16.0-py3.11.egg-info":                  "six 1.16.0",
		"/x/site-packages/broken.dist-info/METADATA":                   "",
		"/x/site-packages/Flask-3.0.0.dist-info/RECORD":                "",
		"/x/site-packages/zope.interface-6.1-py3.11-nspkg.pth":         "",
		"/x/site-packages/-1.dist-info/METADATA":                       "",
		"/x/site-packages/google_cloud-storage-2.1.dist-info/METADATA": "google-cloud storage-2.1",
	} {
		d, ok := distributionOf(name)
		got := ""
		if ok {
			got = d.name + " " + d.version
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestPathFile(t *testing.T) {
	for text, want := range map[string]struct {
		dirs []string
		code bool
	}{
		"/app/src\nlib\n# comment\n\n":                                 {[]string{"/app/src", "/site/lib"}, false},
		"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; _distutils_hack": {nil, false},
		"import __editable___app_finder; x()":                          {nil, true},
		"../../src\r\n":                                                {[]string{"/src"}, false},
		strings.Repeat("x\n", maxPaths+1):                              {nil, true},
	} {
		dirs, code := pathFile("/site", text)
		if code != want.code || want.dirs != nil && !slices.Equal(dirs, want.dirs) {
			t.Errorf("%.40q: %q, %t; want %q, %t", text, dirs, code, want.dirs, want.code)
		}
	}
}

// TestSettle reads what an application and its packages use.
func TestSettle(t *testing.T) {
	m := official(t)
	m.File("/app/app.py", 0o644, []byte("import tkinter, subprocess\nsubprocess.run(['tini'])\nsubprocess.run(['gone'])\nimport os\nos.system('tini')\n"))
	env := environment(m)
	var needs []need.Need
	for _, name := range []string{"/app/app.py", "/usr/local/lib/python3.12/site-packages/Flask-3.0.0.dist-info/METADATA"} {
		needs = append(needs, need.Need{Kind: need.Data, Path: name})
	}
	needs = append(needs, need.Need{Kind: need.Program, Path: "/usr/local/bin/python", Strength: need.Required})
	set, err := need.Close(t.Context(), env, need.Found{Needs: needs}, []need.Provider{New(whittleelf.NewFiles())})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/usr/local/lib/python3.12/tkinter/__init__.py", "/usr/bin/tini", "/bin/sh"} {
		if set.File(name) == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if set.File("/usr/local/lib/python3.12/turtle.py") != nil {
		t.Error("turtle.py is there")
	}
	if len(set.Components) != 1 || set.Components[0].Name != "flask" || set.Components[0].Type != "pypi" {
		t.Errorf("components %v", set.Components)
	}
	if !slices.ContainsFunc(set.Warnings, func(w image.Warning) bool {
		return strings.Contains(w.Message, "/app/app.py:3 starts gone, which is not in the built image")
	}) {
		t.Errorf("warnings %v", set.Warnings)
	}
}

// TestMisfits judges extension modules of another interpreter by who imports
// them.
func TestMisfits(t *testing.T) {
	for _, c := range []struct {
		name, main, module, refused, warned string
	}{
		{"of another version", "import fast\n", "fast/_c.cpython-311-x86_64-linux-gnu.so", "/app/app.py imports fast, and the extension modules of /usr/local/lib/python3.12/site-packages/fast are for Python 3.11, and the image has Python 3.12", ""},
		{"of another C library", "from fast.part import x\n", "fast/_c.cpython-312-x86_64-linux-musl.so", "are for the C library musl, and the image has glibc", ""},
		{"where the import may fail", "try:\n    import fast\nexcept ImportError:\n    pass\n", "fast/_c.cpython-311-x86_64-linux-gnu.so", "", "so it cannot be imported"},
		{"that nobody imports", "", "fast.cpython-311-x86_64-linux-gnu.so", "", "so it cannot be imported"},
		{"that fit", "import fast\n", "fast/_c.cpython-312-x86_64-linux-gnu.so", "", ""},
		{"of the stable ABI", "import fast\n", "fast/_c.abi3.so", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := official(t)
			m.File("/app/app.py", 0o644, []byte(c.main))
			m.File("/usr/local/lib/python3.12/site-packages/"+c.module, 0o644, []byte("x"))
			env, r := environment(m), New(whittleelf.NewFiles())
			step, ok, err := r.Resolve(t.Context(), env, need.Command{Argv: []string{"python", "app.py"}, Program: "/usr/local/bin/python", Instruction: "CMD"})
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			needs := append(step.Needs, need.Need{Kind: need.Data, Path: "/app/app.py"})
			set, err := need.Close(t.Context(), env, need.Found{Needs: needs}, []need.Provider{r})
			if c.refused != "" {
				if bad, ok := err.(*image.RefusedError); !ok || !strings.Contains(bad.Message, c.refused) || bad.Instruction != "CMD" {
					t.Fatalf("error %v, want %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			said := slices.ContainsFunc(set.Warnings, func(w image.Warning) bool { return strings.Contains(w.Message, "extension modules") })
			if said != (c.warned != "") {
				t.Errorf("warnings %v", set.Warnings)
			}
		})
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"import a\n", "'''", "\"\\\n", "f'{x}'", "os.system('x')", "subprocess.run([", "from . import (a,\n b)", strings.Repeat("(", 1000), "import a as", "from a import b as", "x import y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		u := scan(src)
		lines := strings.Count(src, "\n") + 1
		for _, list := range [][]mention{u.imports, u.finds, u.libraries, u.paths, u.programs, u.shells} {
			for _, m := range list {
				if m.line < 1 || m.line > lines {
					t.Fatalf("line %d of %d", m.line, lines)
				}
			}
		}
	})
}

func FuzzPathFile(f *testing.F) {
	f.Add("/app\nimport x\n../y")
	f.Fuzz(func(t *testing.T, text string) {
		dirs, _ := pathFile("/site", text)
		for _, d := range dirs {
			if !strings.HasPrefix(d, "/") || strings.Contains("/"+d+"/", "/../") {
				t.Fatalf("%q is no absolute path", d)
			}
		}
	})
}

func FuzzConsoleScript(f *testing.F) {
	f.Add([]byte("#!/bin/sh\n'''exec' \"/a b/python\" \"$0\" \"$@\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var m tree.Memory
		m.File("/bin/x", 0o755, bytes.Clone(text))
		s, err := readScript(context.Background(), &need.Env{Tree: &m}, "/bin/x")
		if err != nil {
			t.Fatal(err)
		}
		if s != nil && s.polyglot && (!strings.HasPrefix(s.python, "/") || !IsProgram(s.python)) {
			t.Fatalf("%q is no interpreter", s.python)
		}
	})
}
