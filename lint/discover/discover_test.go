package discover_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/discover"
)

func TestNamed(t *testing.T) {
	for name, want := range map[string]bool{
		"Dockerfile": true, "dockerfile": true, "Containerfile": true, "Dockerfile.dev": true, "api.Dockerfile": true, "x.containerfile": true,
		"Dockerfile.dockerignore": false, "Dockerfile~": false, "docker-compose.yml": false, "dockerfile-notes": false, "Makefile": false,
		"Dockerfile-dev": true, "Dockerfile_windows": true, "Dockerfile_tidyverse_4.0.0": true, "Containerfile-a": true, "Dockerfile-a~": false,
		"Dockerfile-parser.go": false, "Dockerfiles": false, "Dockerfile-": true, "Dockerfile.3.20": true, "Dockerfile.ubi": true,
		"Dockerfile.md": false, "Dockerfile.j2": false, "Dockerfile.Bak": false, "x.dockerfile.tmpl": false, "Dockerfile_a.template": false,
	} {
		if got := discover.Named(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func write(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, n := range names {
		path := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAbove(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "c.yaml", "repo/.git/HEAD", "repo/a/b/Dockerfile", "repo/c/c.yaml", "repo/c/d/c.yaml", "repo/c/d/Dockerfile", "repo/e/.dockerignore", "repo/e/f/Dockerfile", "alone/c.yml", "alone/Dockerfile")
	for name, want := range map[string]struct {
		above            []string
		nearest, context string
	}{
		"repo/a/b/Dockerfile": {nil, "", "repo"}, // what stands above a repository is another's
		"repo/c/d/Dockerfile": {[]string{"repo/c/c.yaml", "repo/c/d/c.yaml"}, "repo/c/d/c.yaml", "repo"},
		"repo/e/f/Dockerfile": {nil, "", "repo/e"},
		"alone/Dockerfile":    {[]string{"c.yaml"}, "alone/c.yml", "alone"},
	} {
		rel := func(p string) string {
			if p == "" {
				return ""
			}
			r, err := filepath.Rel(dir, p)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		path := filepath.Join(dir, name)
		var above []string
		for _, p := range discover.Above(filepath.Dir(path), "c.yaml") {
			above = append(above, rel(p))
		}
		if d := cmp.Diff(want.above, above); d != "" {
			t.Errorf("above %s: %s", name, d)
		}
		got := []string{rel(discover.Nearest(filepath.Dir(path), "c.yaml", "c.yml")), rel(discover.Context(path))}
		if d := cmp.Diff([]string{want.nearest, want.context}, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
