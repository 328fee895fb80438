//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestActionlint holds the workflows and actions below templates to actionlint,
// as they lie in a repository, and sees that it would find a wrong input and a
// wrong output.
func TestActionlint(t *testing.T) {
	actionlint := peer(t, "actionlint")
	lint := func(edit func(string) string) (string, error) {
		t.Helper()
		dir := t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, "templates", "github"), os.DirFS(filepath.Join(world.root, "templates", "github"))); err != nil {
			t.Fatal(err)
		}
		workflows, err := filepath.Glob(filepath.Join(world.root, "templates", "github", "workflows", "*.yml"))
		if err != nil || len(workflows) == 0 {
			t.Fatalf("%q, %v", workflows, err)
		}
		if err := os.MkdirAll(filepath.Join(dir, ".github", "workflows"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil {
			t.Fatal(err)
		}
		ours := regexp.MustCompile(`whittle-oci/whittle/(templates/github/[a-z-]+)@0{40}`)
		for _, w := range workflows {
			data, err := os.ReadFile(w)
			if err != nil {
				t.Fatal(err)
			}
			text := ours.ReplaceAllString(string(data), "./$1")
			if err := os.WriteFile(filepath.Join(dir, ".github", "workflows", filepath.Base(w)), []byte(edit(text)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), actionlint, "-shellcheck=", "-pyflakes=")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := lint(func(s string) string { return s }); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for old, wrong := range map[string]string{"          tags: ghcr.io": "          tag: ghcr.io", "steps.image.outputs.digest": "steps.image.outputs.digests"} {
		if out, err := lint(func(s string) string { return strings.Replace(s, old, wrong, 1) }); err == nil {
			t.Errorf("%s is not found\n%s", wrong, out)
		}
	}
}

// TestBake reads the Bake file with buildx.
func TestBake(t *testing.T) {
	res := run(t, []string{"WHITTLE=registry.example/whittle@sha256:" + strings.Repeat("a", 64)}, tool(t, "buildx"), "bake", "-f", filepath.Join("templates", "bake", "docker-bake.hcl"), "--print")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	var out struct {
		Target map[string]struct {
			Args      map[string]string
			Platforms []string
			Attest    []struct{ Type string }
		}
	}
	if err := json.Unmarshal([]byte(res.stdout), &out); err != nil {
		t.Fatalf("%v\n%s", err, res.stdout)
	}
	app := out.Target["app"]
	if !strings.HasPrefix(app.Args["BUILDKIT_SYNTAX"], "registry.example/whittle@sha256:aaa") || app.Args["WHITTLE_BASE_LABELS"] != "true" || !slices.Equal(app.Platforms, []string{"linux/amd64", "linux/arm64"}) || len(app.Attest) != 2 {
		t.Errorf("%s", res.stdout)
	}
}
