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
	write(t, dir, ".whittle.yaml", "repo/.git/HEAD", "repo/a/b/Dockerfile", "repo/c/.whittle.yaml", "repo/c/d/Dockerfile", "repo/e/.dockerignore", "repo/e/f/Dockerfile", "alone/Dockerfile")
	for name, want := range map[string]struct{ config, context string }{
		"repo/a/b/Dockerfile": {"", "repo"}, // configuration above the repository is another's
		"repo/c/d/Dockerfile": {"repo/c/.whittle.yaml", "repo"},
		"repo/e/f/Dockerfile": {"", "repo/e"},
		"alone/Dockerfile":    {".whittle.yaml", "alone"},
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
		got := []string{rel(discover.Config(path, ".whittle.yaml")), rel(discover.Context(path))}
		if d := cmp.Diff([]string{want.config, want.context}, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
