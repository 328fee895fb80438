//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// sizes are what images may be to pull, in MB of a million bytes, at BuildKit's
// best level of zstd: the application of testdata that is named, or one of two
// files. Where the stand-in of a base image has more in it than the public one,
// CPython with its symbols and Debian with all of Perl, the bar is that of the
// stand-in.
var sizes = []struct {
	name       string
	dockerfile string // "" for the application testdata/apps/name
	hello      string
	max        float64
}{
	{name: "python hello", dockerfile: "FROM python:3.12-slim\nCOPY hello /hello.py\nCMD [\"python\", \"/hello.py\"]\n", hello: "print('hello')\n", max: 23.2},
	{name: "python-flask-gunicorn", max: 24.4},
	{name: "node hello", dockerfile: "FROM node:20-slim\nCOPY hello /hello.js\nCMD [\"node\", \"/hello.js\"]\n", hello: "console.log('hello')\n", max: 34},
	{name: "java hello", dockerfile: "FROM eclipse-temurin:17 AS build\nCOPY hello /Hello.java\nRUN javac /Hello.java\nFROM eclipse-temurin:17-jre\nCOPY --from=build /Hello.class /\nCMD [\"java\", \"-cp\", \"/\", \"Hello\"]\n", hello: "class Hello { public static void main(String[] a) { System.out.println(\"hello\"); } }\n", max: 52.6},
	{name: "java-jlink", max: 24},
	{name: "php hello", dockerfile: "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y --no-install-recommends php-cli\nCOPY hello /hello.php\nCMD [\"php\", \"/hello.php\"]\n", hello: "<?php echo \"hello\\n\";\n", max: 21.2},
	{name: "ruby-sinatra", max: 10.1},
	{name: "perl hello", dockerfile: "FROM debian:bookworm-slim\nCOPY hello /hello.pl\nCMD [\"perl\", \"/hello.pl\"]\n", hello: "print \"hello\\n\";\n", max: 10.9},
}

// TestSizes holds images to these sizes.
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
