package cli

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestContexts shares further contexts under names that take nobody's place.
func TestContexts(t *testing.T) {
	dir, other, third := t.TempDir(), t.TempDir(), t.TempDir()
	for d, text := range map[string]string{dir: "FROM scratch\n", other: "FROM other\n", third: "FROM third\n"} {
		if err := os.WriteFile(filepath.Join(d, "Dockerfile"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name     string
		contexts []string
		attrs    string // "context:" attributes
		want     string // of the usage error
	}{
		{"none", nil, "", ""},
		{"the name of what is shared anyway", []string{"dockerfile=" + other, "context=" + third}, "context:context=local:_context context:dockerfile=local:_dockerfile", ""},
		{"ordinary", []string{"shared=" + other}, "context:shared=local:_shared", ""},
		{"an image", []string{"docker.io/library/alpine:latest=" + other}, "context:alpine=local:_alpine", ""},
		{"an image with a tag", []string{"registry.example/base:1=docker-image://alpine"}, "context:registry.example/base:1=docker-image://alpine", ""},
		{"the last of a name", []string{"a=" + third, "a:latest=" + other}, "context:a=local:_a", ""},
		{"no name", []string{"=" + other}, "", "want NAME=PATH"},
		{"no path", []string{"a="}, "", "want NAME=PATH"},
		{"neither", []string{""}, "", "want NAME=PATH"},
		{"a name with an underscore in front", []string{"_dockerfile=" + other}, "", "no name of a context"},
		{"a file's name", []string{".dockerignore=" + other}, "", "no name of a context"},
		{"upper case", []string{"Shared=" + other}, "", "no name of a context"},
		{"not a directory", []string{"a=" + filepath.Join(other, "Dockerfile")}, "", "is not a directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := &app{IO: IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}}
			f := &buildFlags{contexts: tc.contexts}
			r, err := f.request(t.Context(), a, dir)
			if tc.want != "" {
				if _, ok := errors.AsType[usage](err); !ok || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%v, want a usage error with %s", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer r.discard()
			var got []string
			for _, k := range slices.Sorted(maps.Keys(r.solve.FrontendAttrs)) {
				if strings.HasPrefix(k, "context:") {
					got = append(got, k+"="+r.solve.FrontendAttrs[k])
				}
			}
			if strings.Join(got, " ") != tc.attrs {
				t.Errorf("attributes %q, want %q", got, tc.attrs)
			}
			for name, d := range r.local {
				want := "FROM other\n"
				switch name {
				case "dockerfile", "context":
					want = "FROM scratch\n"
				case "_context":
					want = "FROM third\n"
				}
				if text, err := tree.ReadFile(t.Context(), d, "/Dockerfile", 100); err != nil || string(text) != want {
					t.Errorf("%s has %q, %v; want %q", name, text, err, want)
				}
				if r.solve.LocalMounts[name] == nil {
					t.Errorf("%s is not shared", name)
				}
			}
			// This program is shared besides, alone of all that lies beside it.
			if len(r.local)+1 != len(r.solve.LocalMounts) {
				t.Errorf("%d directories are open, %d shared", len(r.local), len(r.solve.LocalMounts))
			}
			var shared []string
			err = r.solve.LocalMounts[frontend.ProgramLocal].Walk(t.Context(), "", func(name string, _ fs.DirEntry, err error) error {
				shared = append(shared, name)
				return err
			})
			if len(shared) != 1 || shared[0] != r.program || err != nil {
				t.Errorf("the program is shared as %q (%v)", shared, err)
			}
		})
	}
}

// TestRemount closes the directory whose name is taken over.
func TestRemount(t *testing.T) {
	a := &app{IO: IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := (&buildFlags{}).request(t.Context(), a, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.discard()
	before := r.local["context"]
	if err := r.mount(map[string]string{"context": t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if _, err := before.ReadDir(t.Context(), "/"); err == nil {
		t.Error("the directory that was shared before is still open")
	}
}

// TestAttestation reads CSV and gives it on as CSV, and names as buildx does.
func TestAttestation(t *testing.T) {
	for in, want := range map[string]struct{ kind, parameters string }{
		"type=sbom":                                {"sbom", ""},
		"type=provenance,mode=max":                 {"provenance", "mode=max"},
		`type=sbom,"generator=a,b",x=1`:            {"sbom", `"generator=a,b",x=1`},
		`"type=provenance","builder-id=say ""x"""`: {"provenance", `"builder-id=say ""x"""`},
	} {
		kind, parameters, err := attestation(in)
		if err != nil || kind != want.kind || parameters != want.parameters {
			t.Errorf("%s: %q %q %v, want %+v", in, kind, parameters, err, want)
		}
	}
	for _, in := range []string{"", "type=other", `type=sbom,"x`, "sbom"} {
		if _, _, err := attestation(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
	got := shortCaches([]string{"a,b", "type=local,src=x", `"`})
	if want := []string{"type=registry,ref=a", "type=registry,ref=b", "type=local,src=x", `"`}; !slices.Equal(got, want) {
		t.Errorf("caches %q, want %q", got, want)
	}
}
