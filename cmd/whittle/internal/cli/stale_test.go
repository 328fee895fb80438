package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/tonistiigi/fsutil"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestInputs: the digest of what is built from changes with every content, name,
// mode, link, argument and setting, and with nothing else.
func TestInputs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("Dockerfile", "FROM debian\n")
	write("src/main.go", "package main\n")
	write(".dockerignore", "*.log\n")
	attrs, settings := map[string]string{"filename": "Dockerfile"}, map[string][]string{}
	digest := func() string {
		t.Helper()
		r := &buildRequest{local: map[string]*tree.Dir{}, solve: client.SolveOpt{FrontendAttrs: attrs, LocalMounts: map[string]fsutil.FS{}}}
		if err := r.mount(map[string]string{"context": dir, "dockerfile": dir}); err != nil {
			t.Fatal(err)
		}
		for _, d := range r.local {
			defer d.Close()
		}
		s, err := r.inputs(t.Context(), settings)
		if err != nil || s == "" {
			t.Fatalf("%q, %v", s, err)
		}
		return s
	}
	last := digest()
	for _, tc := range []struct {
		what    string
		change  func()
		changes bool
	}{
		{"nothing", func() {}, false},
		{"a time", func() {
			if err := os.Chtimes(filepath.Join(dir, "src/main.go"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"a file that is ignored", func() { write("build.log", "x") }, false},
		{"how it is built", func() { attrs["no-cache"] = "" }, false},
		{"a content", func() { write("src/main.go", "package other\n") }, true},
		{"a name", func() { write("src/new.go", "") }, true},
		{"a mode", func() {
			if err := os.Chmod(filepath.Join(dir, "src/main.go"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"a link", func() {
			if err := os.Symlink("main.go", filepath.Join(dir, "src/link.go")); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"where a link leads", func() {
			name := filepath.Join(dir, "src/link.go")
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("new.go", name); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"the Dockerfile", func() { write("Dockerfile", "FROM debian:12\n") }, true},
		{"an argument", func() { attrs["build-arg:A"] = "1" }, true},
		{"a setting", func() { settings["user"] = []string{"keep"} }, true},
	} {
		tc.change()
		now := digest()
		if (now != last) != tc.changes {
			t.Errorf("%s: it changes: %v, want %v", tc.what, now != last, tc.changes)
		}
		last = now
	}
	attrs["context:x"] = "https://example.com/x.git"
	r := &buildRequest{solve: client.SolveOpt{FrontendAttrs: attrs, LocalMounts: map[string]fsutil.FS{}}}
	if s, err := r.inputs(t.Context(), settings); s != "" || err != nil {
		t.Errorf("of a remote context: %q, %v", s, err)
	}
}

func TestSources(t *testing.T) {
	got := sources(map[string]string{
		frontend.SourcesLabel:    "debian:12@sha256:a golang:1.26@sha256:b nonsense",
		frontend.BaseNameLabel:   "alpine:3",
		frontend.BaseDigestLabel: "sha256:c",
	})
	want := []origin{{"debian:12", "sha256:a"}, {"golang:1.26", "sha256:b"}, {"alpine:3", "sha256:c"}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(origin{})); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if s, err := (origin{"debian", "sha256:a"}).now(t.Context()); s != "sha256:a" || err != nil {
		t.Errorf("a name without a tag: %q, %v", s, err)
	}
}
