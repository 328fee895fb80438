//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/testdata/bases"
)

// pythonGone is what no image of Python needs that installs nothing.
var pythonGone = []string{"/usr/local/bin/pip", "/usr/local/bin/pip3", "/usr/local/include", "/usr/local/lib/python3.11/site-packages/pip", "/usr/local/lib/python3.11/idlelib", "/usr/local/lib/python3.11/ensurepip", "/usr/local/lib/python3.11/tkinter"}

// pythonShellGone is the same where no shell is needed either.
var pythonShellGone = append([]string{"/bin/sh", "/usr/bin/env"}, pythonGone...)

var pythonApps = []interpretedApp{
	{
		name: "python-flask-gunicorn", scan: true, probe: `curl -sf -m 10 "http://127.0.0.1:8000/?name=Jörg"`, want: `hello Jörg from \d+ in /app, html`,
		argv: []string{"gunicorn", "--bind", "0.0.0.0:8000", "--workers", "2", "app:create_app()"}, gone: pythonShellGone, warns: []string{"gunicorn's workers keep a file in /tmp"},
	},
	{
		name: "python-uvicorn-shell-form", probe: "curl -sf -m 10 http://127.0.0.1:8080/", want: `\{"zone":"CET"\}`,
		argv: []string{"uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8080"}, gone: pythonShellGone, quiet: true, heavy: true,
	},
	{
		name: "python-django-static", probe: "curl -sf -m 10 http://127.0.0.1:8000/ http://127.0.0.1:8000/static/site.css", want: `(?s)Montag.*body \{ margin: 0 \}`,
		argv: []string{"gunicorn", "-b", ":8000", "site_.wsgi"}, gone: append([]string{"/opt/venv/bin/pip", "/opt/venv/lib/python3.11/site-packages/pip"}, pythonShellGone...), ci: true,
	},
	{
		name: "python-venv-stages", want: `3 rows, 200`,
		argv: []string{"/app/.venv/bin/python", "-m", "report", "--rows", "3"}, gone: append([]string{"/app/.venv/lib/python3.11/site-packages/pip"}, pythonShellGone...), quiet: true,
	},
	{name: "python-script-entrypoint", want: `mode production\nargument one`, argv: []string{"entrypoint.sh", "python", "app.py", "one"}, gone: pythonGone, heavy: true},
	{name: "python-numpy-libraries", want: `\[-0\.5 +0\.75\]`, argv: []string{"python", "/solve.py"}, gone: pythonShellGone, quiet: true, heavy: true},
	{name: "python-debian", want: `15\d{4} connection`, argv: []string{"python3", "/opt/db.py"}, gone: []string{"/bin/sh", "/usr/bin/perl"}, quiet: true, heavy: true},
	{name: "python-cryptography-tls", want: `TLSv1\.3 hello`, argv: []string{"python", "tls.py"}, gone: pythonShellGone, quiet: true, heavy: true},
	{name: "python-ctypes-find-library", want: `libmagic\.so\.1\nPython script, ASCII text executable\nlibz\.so\.1`, argv: []string{"python", "/app/kind.py"}, gone: []string{"/bin/sh"}, heavy: true},
	{name: "python-subprocess-programs", want: `(?s)jq-1\.6.*"a".*3`, argv: []string{"python", "-u", "jobs.py"}, warns: []string{"runs commands by a shell"}, heavy: true},
	{name: "python-checklist", want: `héllo\n\[1, 4, 9\]\nCET\n`, argv: []string{"python", "check.py"}, gone: []string{"/bin/sh"}, ci: true},
	{name: "python-uwsgi-embedded", probe: "curl -sf -m 10 http://127.0.0.1:9000/", want: `embedded 3\.11`, argv: []string{"uwsgi", "--plugins", "http,python3", "--http-socket", ":9000", "--module", "app", "--master"}, heavy: true},
}

// TestPython builds applications of Python as [TestNode] does those of Node.js.
func TestPython(t *testing.T) {
	t.Logf("bases: %s", strings.Join(bases.Pythons(), ", "))
	for _, a := range pythonApps {
		t.Run(a.name, func(t *testing.T) {
			a.due(t)
			a.test(t)
		})
	}
}

// TestBytecode holds compiled modules to their sources in an image in which all
// files have one time: each is hash-based, so that none is compiled again.
func TestBytecode(t *testing.T) {
	out := filepath.Join(t.TempDir(), "layout")
	res := whittle(t, shared(), "build", filepath.Join(world.root, "testdata", "apps", "python-venv-stages"), "-o", "type=oci,tar=false,dest="+out, "--progress", "quiet")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	c := unpack(t, onlyImage(t, out))
	modules := 0
	err := filepath.WalkDir(filepath.Join(c.dir, "rootfs"), func(name string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".pyc" {
			return err
		}
		modules++
		data, err := os.ReadFile(name)
		if err == nil && !slices.Equal(data[4:16], append([]byte{1}, make([]byte, 11)...)) {
			t.Errorf("%s depends on the time of its source: % x", name, data[4:16])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if modules < 50 {
		t.Errorf("%d compiled modules", modules)
	}
}
