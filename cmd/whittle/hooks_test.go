package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/cmd/whittle/internal/cli"
)

// The hooks for pre-commit are commands that there are, called as pre-commit
// calls them: with files.
func TestHooks(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", ".pre-commit-hooks.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var hooks []struct {
		ID       string   `yaml:"id"`
		Name     string   `yaml:"name"`
		Entry    string   `yaml:"entry"`
		Language string   `yaml:"language"`
		Types    []string `yaml:"types"`
	}
	if err := yaml.Unmarshal(data, &hooks); err != nil {
		t.Fatal(err)
	}
	if len(hooks) != 4 {
		t.Errorf("%d hooks", len(hooks))
	}
	for _, h := range hooks {
		file := filepath.Join(t.TempDir(), "Dockerfile")
		if err := os.WriteFile(file, []byte("FROM scratch AS Build\nUSER 1001\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		args, ok := strings.CutPrefix(h.Entry, "whittle ")
		if !ok || h.Name == "" || strings.Join(h.Types, "") != "dockerfile" || strings.HasSuffix(h.ID, "-system") != (h.Language == "system") {
			t.Errorf("%+v", h)
		}
		var out, errs strings.Builder
		code := cli.Main(t.Context(), append(strings.Fields(args), "--enable", "stage-name-case", file), cli.IO{In: strings.NewReader(""), Out: &out, Err: &errs})
		if code != cli.OK || errs.Len() > 0 {
			t.Errorf("%s: exit code %d: %s%s", h.ID, code, &out, &errs)
		}
	}
}
