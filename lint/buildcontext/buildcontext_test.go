package buildcontext_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/buildcontext"
)

const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"

// write makes files below a new directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFiles(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  map[string]string
		ignore string
		want   []string
	}{
		{"content decides", map[string]string{
			"server.pem": "-----BEGIN CERTIFICATE-----\n", "client.pem": "-----BEGIN CERTIFICATE-----\n" + key, "server.key": key, "i18n.key": "hello=world\n",
			".npmrc": "registry=https://example.test/\n//example.test/:_authToken=${NPM_TOKEN}\n", "web/.npmrc": "//example.test/:_authToken=s3cret\n",
			".env": "PORT=80\nREACT_APP_URL=https://example.test\n", "api/.env": "# local\nexport DB_PASSWORD='hunter2'\n", ".env.example": "DB_PASSWORD=hunter2\n",
			"main.go": "package main\n",
		}, "", []string{"api/.env", "client.pem", "server.key", "web/.npmrc"}},
		{"git's configuration with a password", map[string]string{
			".git/config": "[remote \"origin\"]\n\turl = https://user:hunter2@example.test/x.git\n", ".git/objects/id_rsa": key,
		}, "", []string{".git/config"}},
		{"what checkouts in CI leave", map[string]string{
			".git/config": "[http \"https://example.test/\"]\n\textraheader = AUTHORIZATION: basic abc\n",
		}, "", []string{".git/config"}},
		{"git's configuration without one", map[string]string{".git/config": "[remote \"origin\"]\n\turl = git@example.test:x.git\n"}, "", nil},
		{"git's directory is ignored", map[string]string{
			".git/config": "[remote \"origin\"]\n\turl = https://user:hunter2@example.test/x.git\n",
		}, ".git\n", nil},
		{"ignored by name, directory and pattern", map[string]string{
			".env": "TOKEN=abc1\n", "deploy/id_rsa": key, "a/b/c.key": key, "a/kept.key": key,
		}, ".env\ndeploy\n**/c.key\n", []string{"a/kept.key"}},
		{"all but some", map[string]string{"id_rsa": key, "keys/id_rsa": key, "keys/other/id_rsa": key}, "*\n!keys/other\n", []string{"keys/other/id_rsa"}},
		{"keys of tests and of others", map[string]string{"tests/server.key": key, "node_modules/x/server.key": key}, "", nil},
		{"nothing in it", map[string]string{".netrc": "", "id_ed25519": ""}, "", nil},
		{"below a directory of credentials", map[string]string{".aws/credentials": "[default]\n", ".aws/config": "[default]\n", ".ssh/id_work": key, ".ssh/id_work.pub": "ssh-ed25519 A\n"}, "", []string{".aws/credentials", ".ssh/id_work"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := buildcontext.Open(write(t, c.files), []byte(c.ignore))
			if diff := cmp.Diff(c.want, d.Files()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestIgnored judges paths by what the ignore file lets in.
func TestIgnored(t *testing.T) {
	dir := write(t, map[string]string{"notes/plan.txt": "x", "notes/sub/a": "x", "assets/a": "x", "conf/only.toml": "x", "conf/other": "x", "pkg/core/m.py": "x", "pkg/x": "x"})
	for _, c := range []struct {
		ignore string
		want   map[string]bool
	}{
		{"notes\n", map[string]bool{"notes": true, "notes/plan.txt": true, "assets": false, ".": false}},
		{"notes\n!assets\n!none/**\n", map[string]bool{"notes": true, "notes/plan.txt": true, "notes/sub/": true, "/notes/sub": true, "assets": false, ".": false, "absent": false, "no*": false}},
		{"**\n!conf/only.toml\n", map[string]bool{"conf": false, "conf/only.toml": false, "conf/other": true, "assets/a": true, "pkg": true}},
		{"*\n!pkg/core/*.py\n", map[string]bool{"pkg": false, "pkg/x": true, "notes": true}},
		{"notes/*\n!notes/sub\n", map[string]bool{"notes": false, "notes/plan.txt": true, "notes/sub": false}},
		{"notes/**\n!x\n", map[string]bool{"notes/plan.txt": true, "../x": false}},
	} {
		d := buildcontext.Open(dir, []byte(c.ignore))
		for name, want := range c.want {
			if got := d.Ignored(name); got != want {
				t.Errorf("%q: %s: got %v", c.ignore, name, got)
			}
		}
	}
}

// TestHolds reads the files that names alone would condemn.
func TestHolds(t *testing.T) {
	dir := write(t, map[string]string{
		".npmrc": "legacy-peer-deps=true\n", "a/.npmrc": "//r/:_authToken=${NPM_TOKEN}\n", "b/.npmrc": "//r/:_authToken=npm_1\n", ".netrc": "machine x login y\n",
		"c/.netrc": "machine x login y password z\n", ".pypirc": "[pypi]\nusername = __token__\n", "pip.conf": "[global]\nindex-url = https://pypi.example.com/simple\n",
		"d/pip.conf": "[global]\nindex-url = https://u:Zq81mdPw0x@pypi.example.com/simple\n", "e/pip.conf": "[global]\nindex-url = https://u:${PASS}@pypi.example.com/simple\n", "main.go": "x",
	})
	d := buildcontext.Open(dir, nil)
	for name, want := range map[string][2]bool{
		".npmrc": {false, true}, "a/.npmrc": {false, true}, "./b/.npmrc": {true, true}, ".netrc": {false, true}, "/c/.netrc": {true, true}, ".pypirc": {false, true},
		"pip.conf": {false, true}, "d/pip.conf": {true, true}, "e/pip.conf": {false, true}, "main.go": {false, false}, "absent/.npmrc": {false, false}, "../.npmrc": {false, true},
	} {
		if holds, known := d.Holds(name, name); holds != want[0] || known != want[1] {
			t.Errorf("%s: got %v, %v", name, holds, known)
		}
	}
	if holds, known := d.Holds("pip.conf", "/root/.docker/config.json"); holds || !known {
		t.Errorf("pip.conf as docker's settings: got %v, %v", holds, known)
	}
	if holds, known := d.Holds("main.go", "/root/.pgpass"); !holds || !known {
		t.Errorf("a file as .pgpass: got %v, %v", holds, known)
	}
}

func TestNoDirectory(t *testing.T) {
	if got := buildcontext.Open(filepath.Join(t.TempDir(), "none"), nil).Files(); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

// TestLinks holds the walk to the context: what a link points to is not in it.
func TestLinks(t *testing.T) {
	outside, dir := write(t, map[string]string{"id_rsa": key}), t.TempDir()
	for name, to := range map[string]string{"id_rsa": filepath.Join(outside, "id_rsa"), "dir": outside, "loop": "."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if got := buildcontext.Open(dir, nil).Files(); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

func TestBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 1500 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.key", i)), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(buildcontext.Open(dir, nil).Files()); got != 1000 {
		t.Errorf("%d files were read, want 1000", got)
	}
}

func TestIgnoreFile(t *testing.T) {
	dir := write(t, map[string]string{".dockerignore": "context", "sub/x.Dockerfile.dockerignore": "own"})
	for file, want := range map[string]string{"": "context", "sub/y.Dockerfile": "context", "sub/x.Dockerfile": "own"} {
		if file != "" {
			file = filepath.Join(dir, file)
		}
		if got := string(buildcontext.IgnoreFile(dir, file)); got != want {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
	if got := buildcontext.IgnoreFile(t.TempDir(), ""); got != nil {
		t.Errorf("got %q from an empty directory", got)
	}
}
