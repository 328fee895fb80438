//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// sizes are what images may be to pull, in MB of a million bytes, at BuildKit's
// best level of zstd: the application of testdata that is named, or one of two
// files.
var sizes = []struct {
	name       string
	dockerfile string // "" for the application testdata/apps/name
	hello      string
	max        float64
}{
	{name: "python hello", dockerfile: "FROM python:3.12-slim\nCOPY hello /hello.py\nCMD [\"python\", \"/hello.py\"]\n", hello: "print('hello')\n", max: 17},
	{name: "python-flask-gunicorn", max: 23},
	{name: "node hello", dockerfile: "FROM node:20-slim\nCOPY hello /hello.js\nCMD [\"node\", \"/hello.js\"]\n", hello: "console.log('hello')\n", max: 34},
	{name: "java-jar", max: 51},
	{name: "java-jlink", max: 24},
	{name: "php-cli", max: 19.5},
	{name: "ruby-sinatra", max: 9.6},
	{name: "perl hello", dockerfile: "FROM debian:bookworm-slim\nCOPY hello /hello.pl\nCMD [\"perl\", \"/hello.pl\"]\n", hello: "print \"hello\\n\";\n", max: 4},
}

// TestSizes holds images to the sizes that docs/languages.md names.
func TestSizes(t *testing.T) {
	for _, s := range sizes {
		t.Run(s.name, func(t *testing.T) {
			interpretedApp{heavy: true}.due(t)
			dir := filepath.Join(world.root, "testdata", "apps", s.name)
			if s.dockerfile != "" {
				dir = t.TempDir()
				for name, text := range map[string]string{"Dockerfile": s.dockerfile, "hello": s.hello} {
					if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			out := filepath.Join(t.TempDir(), "layout")
			res := whittle(t, shared(), "build", dir, "-o", "type=oci,tar=false,compression=zstd,compression-level=22,force-compression=true,dest="+out, "--progress", "quiet")
			if res.code != 0 {
				t.Fatalf("exit %d\n%s", res.code, res.stderr)
			}
			layers, err := onlyImage(t, out).Layers()
			if err != nil {
				t.Fatal(err)
			}
			pulled := 0.0
			for _, l := range layers {
				n, err := l.Size()
				if err != nil {
					t.Fatal(err)
				}
				pulled += float64(n) / 1e6
			}
			t.Logf("%.2f MB to pull, at most %g", pulled, s.max)
			if pulled > s.max {
				t.Errorf("%.2f MB to pull, at most %g", pulled, s.max)
			}
		})
	}
}
