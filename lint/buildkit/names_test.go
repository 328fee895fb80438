package buildkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
)

// The names are those of the linked release.
func TestNames(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "github.com/moby/buildkit/frontend/dockerfile/linter").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "ruleset.go"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, block := range strings.Split(string(text), "LinterRule[")[1:] {
		name := regexp.MustCompile(`Name:\s+"(\w+)"`).FindStringSubmatch(block)
		if name != nil && !regexp.MustCompile(`(?m)^\s+Deprecated:\s+true`).MatchString(block) {
			want = append(want, name[1])
		}
	}
	slices.Sort(want)
	if d := cmp.Diff(want, Checks()); d != "" {
		t.Error(d)
	}
}

// TestAnswered holds that a rule of ours answers to each of the checks, so that
// BuildKit need not be asked.
func TestAnswered(t *testing.T) {
	for _, name := range Checks() {
		if !slices.ContainsFunc(rules.All(), func(r rule.Rule) bool { return r.Is(name) && r.Is(names[name]) }) {
			t.Errorf("no rule answers to %s under the name %s", name, names[name])
		}
	}
}
