//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTemplates builds projects that have no Dockerfile, runs what comes out, and
// holds whittle init to it: the Dockerfile that it writes makes the same image.
func TestTemplates(t *testing.T) {
	for _, tc := range []struct {
		name, probe, want string
		says              string // about what was chosen
		has               []string
		gone              []string
	}{
		{
			name: "go", want: `hello v1\.2 Europe/Berlin`,
			says: "built by the template go (version 1.26, start ./cmd/shop)", has: []string{"/usr/local/bin/shop", "/etc/ssl/certs/ca-certificates.crt"}, gone: []string{"/bin/sh"},
		},
		{
			name: "node", probe: "curl -sf -m 10 http://127.0.0.1:3000/", want: `hello 2m production`,
			says: "built by the template node (version 20, start node dist/server.js)", has: []string{"/app/node_modules/ms/index.js"}, gone: []string{"/app/node_modules/semver", "/bin/sh", "/usr/local/bin/npm"},
		},
		{
			name: "python", probe: "curl -sf -m 10 http://127.0.0.1:8000/", want: `hello from flask`,
			says: "built by the template python (version 3.11, start gunicorn shop:app)", gone: []string{"/bin/sh", "/app/.venv/bin/pip"},
		},
		{
			name: "static", probe: "curl -sf -m 10 http://127.0.0.1:8080/ http://127.0.0.1:8080/css/site.css && ! curl -sf http://127.0.0.1:8080/nowhere", want: `(?s)<h1>hello</h1>.*margin: 0`,
			says: "built by the template static (site this directory)", gone: []string{"/usr/share/nginx/html/README.md", "/bin/sh"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.name != "go" && os.Getenv("WHITTLE_LANGUAGES") == "" {
				t.Skip("make languages runs this")
			}
			dir, out := filepath.Join(t.TempDir(), "shop"), filepath.Join(t.TempDir(), "layout")
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(world.root, "testdata", "templates", tc.name))); err != nil {
				t.Fatal(err)
			}
			build := func() result {
				return whittle(t, shared(), "build", dir, "-o", "type=oci,tar=false,dest="+out, "--progress", "quiet", "--json")
			}
			res := build()
			if res.code != 0 {
				t.Fatalf("exit %d\n%s", res.code, res.stderr)
			}
			if !strings.Contains(res.stderr, tc.says) {
				t.Errorf("it does not say %q\n%s", tc.says, res.stderr)
			}
			if names, err := os.ReadDir(dir); err != nil || slices.ContainsFunc(names, func(e os.DirEntry) bool { return strings.Contains(e.Name(), "ocker") }) {
				t.Errorf("building left something in the project: %v, %v", names, err)
			}
			r := onlyReport(t, res)
			if r == nil {
				t.Fatalf("it is built as written:\n%s", res.stderr)
			}
			img := onlyImage(t, out)
			c := unpack(t, img)
			app := interpretedApp{name: tc.name, probe: tc.probe}
			want := regexp.MustCompile(tc.want)
			for _, user := range []string{ownUser, randomUser} {
				if s := app.show(t, c, user, readOnly(r, user)); !want.MatchString(s.Answer) {
					t.Errorf("as %q it says (%d)\n%s\nwant %s\n%s", user, s.Code, s.Answer, tc.want, res.stderr)
				}
			}
			for _, name := range tc.has {
				if _, err := os.Lstat(filepath.Join(c.dir, "rootfs", name)); err != nil {
					t.Errorf("it lacks %s", name)
				}
			}
			for _, name := range tc.gone {
				if _, err := os.Lstat(filepath.Join(c.dir, "rootfs", name)); err == nil {
					t.Errorf("it has %s", name)
				}
			}
			if u := c.config.Config.User; u == "" || strings.HasPrefix(u, "0") || strings.HasPrefix(u, "root") {
				t.Errorf("its user is %q", u)
			}
			first, err := img.Digest()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(out); err != nil {
				t.Fatal(err)
			}
			if res := whittle(t, shared(), "init", dir); res.code != 0 {
				t.Fatalf("init: exit %d\n%s", res.code, res.stderr)
			}
			if res := build(); res.code != 0 || strings.Contains(res.stderr, "template") {
				t.Fatalf("with the Dockerfile: exit %d\n%s", res.code, res.stderr)
			}
			second, err := onlyImage(t, out).Digest()
			if err != nil || first != second {
				t.Errorf("without a Dockerfile it is %s, with the one of init %s, %v", first, second, err)
			}
		})
	}
}
