package oci_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/oci"
)

const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParseRef(t *testing.T) {
	for _, tc := range []struct {
		in          string
		kind        oci.Kind
		path        string
		tag, digest string
		place       string
	}{
		{"app", oci.Registry, "", "", "", "registry index.docker.io/library/app:latest"},
		{"acme/app:1", oci.Registry, "", "", "", "registry index.docker.io/acme/app:1"},
		{"ghcr.io/acme/app@" + digest, oci.Registry, "", "", "", "registry ghcr.io/acme/app@" + digest},
		{"ghcr.io/acme/app:1@" + digest, oci.Registry, "", "", "", "registry ghcr.io/acme/app@" + digest},
		{"localhost:5000/app", oci.Registry, "", "", "", "registry localhost:5000/app:latest"},
		{"out/app.tar", oci.Registry, "", "", "", "registry index.docker.io/out/app.tar:latest"},

		{"oci:out", oci.Layout, "out", "", "", "OCI layout out"},
		{"oci:./out", oci.Layout, "./out", "", "", "OCI layout ./out"},
		{"oci:out:1", oci.Layout, "out", "1", "", "OCI layout out:1"},
		{"oci:/a/b:ghcr.io/acme/app:1", oci.Layout, "/a/b", "ghcr.io/acme/app:1", "", "OCI layout /a/b:ghcr.io/acme/app:1"},
		{"oci:out@" + digest, oci.Layout, "out", "", digest, "OCI layout out@" + digest},
		{`oci:C:\out:1`, oci.Layout, `C:\out`, "1", "", `OCI layout C:\out:1`},
		{"oci:a@b", oci.Layout, "a@b", "", "", "OCI layout a@b"},
		{"oci-archive:x.tar", oci.OCIArchive, "x.tar", "", "", "OCI archive x.tar"},
		{"docker-archive:x.tar", oci.DockerArchive, "x.tar", "", "", "docker archive x.tar"},
		{"docker-archive:x.tar:app:1", oci.DockerArchive, "x.tar", "app:1", "", "docker archive x.tar:app:1"},
		{"docker:app", oci.Docker, "", "", "", "docker engine index.docker.io/library/app:latest"},
		{"docker:27-cli", oci.Docker, "", "", "", "docker engine index.docker.io/library/27-cli:latest"},

		{".", oci.Path, ".", "", "", "path ."},
		{"..", oci.Path, "..", "", "", "path .."},
		{"./out", oci.Path, "./out", "", "", "path ./out"},
		{"../out:1", oci.Path, "../out", "1", "", "path ../out:1"},
		{"/tmp/out@" + digest, oci.Path, "/tmp/out", "", digest, "path /tmp/out@" + digest},
		{`C:\img\out`, oci.Path, `C:\img\out`, "", "", `path C:\img\out`},
		{`c:/img/out:1`, oci.Path, `c:/img/out`, "1", "", `path c:/img/out:1`},
		{`.\out`, oci.Path, `.\out`, "", "", `path .\out`},
		{`..\out:1`, oci.Path, `..\out`, "1", "", `path ..\out:1`},
		{`\\host\share\out`, oci.Path, `\\host\share\out`, "", "", `path \\host\share\out`},
	} {
		t.Run(tc.in, func(t *testing.T) {
			got, err := oci.ParseRef(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if got.Kind != tc.kind || got.Path != tc.path || got.Tag != tc.tag || got.Digest != tc.digest || got.Place() != tc.place {
				t.Errorf("%+v at %q, want %+v", got, got.Place(), tc)
			}
			if got.String() != tc.in {
				t.Errorf("it is printed as %q", got)
			}
		})
	}
}

func TestParseRefRefuses(t *testing.T) {
	for _, in := range []string{
		"", "-", "App", "a b", "https://ghcr.io/acme/app", "docker://ghcr.io/acme/app", "app:", "app@sha256:12", "app@", "a\x00b",
		"oci:", "oci::1", "oci:out:", "docker:", "docker:A", "docker-archive:", "oci-archive:", "./out:", "~/out", "out/", ".well/known", `out\app`, "C:out",
	} {
		t.Run(in, func(t *testing.T) {
			got, err := oci.ParseRef(in)
			bad, ok := errors.AsType[*oci.RefError](err)
			if !ok {
				t.Fatalf("%+v, %v; want a RefError", got, err)
			}
			if bad.ExitCode() != 2 {
				t.Errorf("exit code %d", bad.ExitCode())
			}
			for _, way := range []string{"registry", "oci:DIR", "./DIR", "docker-archive:FILE", "docker:NAME"} {
				if !strings.Contains(err.Error(), way) {
					t.Errorf("%q does not name %s", err, way)
				}
			}
		})
	}
}

// TestBareNameIsRegistry makes the directories that bare names could be taken
// for.
func TestBareNameIsRegistry(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, n := range []string{"app", "ghcr.io/acme/app:1"} {
		if err := os.MkdirAll(n, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(n+"/oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := oci.ParseRef(n)
		if err != nil || got.Kind != oci.Registry {
			t.Errorf("%s: %+v, %v", n, got, err)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"app:1", "oci:a:b@" + digest, "docker:x", `C:\a:b`, "./x@" + digest, "docker-archive:a:b:c", "../x:", "\\x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := oci.ParseRef(s)
		if err != nil {
			if _, ok := errors.AsType[*oci.RefError](err); !ok {
				t.Fatalf("%T", err)
			}
			return
		}
		if got.String() != s || (got.Name == nil) == (got.Path == "") || got.Tag != "" && got.Digest != "" {
			t.Fatalf("%q: %+v", s, got)
		}
		// A name in a registry can be given to any program that knows such
		// names, and leads nowhere in the file system by its look.
		if got.Kind == oci.Registry {
			if _, err := oci.ParseName(s); err != nil || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") {
				t.Fatalf("%q is taken for a name in a registry: %v", s, err)
			}
		}
	})
}
