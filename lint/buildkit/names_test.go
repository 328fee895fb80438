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
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/lint/rule"
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

func TestNeeded(t *testing.T) {
	var most []rule.Rule
	for _, name := range Checks() {
		if name != "InvalidBaseImagePlatform" && name != "InvalidDefinitionDescription" {
			most = append(most, rule.Rule{Meta: rule.Meta{Name: "x", Aliases: []string{name}}})
		}
	}
	platform := func(string) *ocispecs.Platform { return nil }
	for _, tc := range []struct {
		c     Checker
		rules []rule.Rule
		want  bool
	}{
		{Checker{}, nil, true},
		{Checker{}, most[1:], true},
		{Checker{}, most, false},
		{Checker{Platform: platform}, most, true},
		{Checker{Experimental: []string{"all"}}, most, true},
	} {
		if got := tc.c.Needed(tc.rules); got != tc.want {
			t.Errorf("%+v with %d rules: %v", tc.c, len(tc.rules), got)
		}
	}
}
