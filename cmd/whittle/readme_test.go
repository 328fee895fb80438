package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/cmd/whittle/internal/cli"
)

// TestReadmeFindings lints the Dockerfile of the README: each finding shown there
// is one of its own, word for word.
func TestReadmeFindings(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(page), "<!-- findings -->\n```dockerfile\n")
	text, part, _ := strings.Cut(part, "```\n\n```console\n")
	shown, _, ok := strings.Cut(part, "```\n<!-- /findings -->")
	if !ok {
		t.Fatal("the Dockerfile or its findings are missing in README.md")
	}
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("NO_COLOR", "1")
	t.Chdir(dir)
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := cli.Main(t.Context(), []string{"lint", "--shellcheck", "off"}, cli.IO{In: strings.NewReader(""), Out: &out, Err: &errs}); code != cli.Findings {
		t.Fatalf("exit %d\n%s", code, errs.String())
	}
	all := "\n" + out.String()
	for _, want := range strings.Split(strings.TrimSuffix(shown, "\n"), "\nDockerfile:") {
		want = "\nDockerfile:" + strings.TrimPrefix(want, "Dockerfile:") + "\n"
		if !strings.Contains(all, want) {
			t.Errorf("README.md shows, and lint does not say:%s", want)
		}
	}
	if t.Failed() {
		t.Logf("lint says:\n%s", out.String())
	}
}

// TestReadmeSize keeps the README a page for strangers.
func TestReadmeSize(t *testing.T) {
	if info, err := os.Stat("../../README.md"); err != nil || info.Size() > 15_000 {
		t.Errorf("README.md has %d bytes (%v); tables belong below docs/", info.Size(), err)
	}
}
