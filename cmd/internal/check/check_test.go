package check_test

import (
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/cmd/internal/check"
)

func TestDockerfile(t *testing.T) {
	for name, tc := range map[string]struct {
		text, config, target string
		args                 map[string]string
		want                 string // rules, ! before those that fail a build
	}{
		"a finding":           {text: "FROM example\nUSER 1001\n", want: "untagged-base"},
		"that fails":          {text: "# check=error=true\nFROM example\nUSER 1001\n", want: "!untagged-base"},
		"ignored":             {text: "# check=skip=untagged-base;error=true\nFROM example\nUSER 1001\n"},
		"configured":          {text: "FROM example\nUSER 1001\n", config: "lint: {overrides: [{files: Dockerfile, ignore: [untagged-base]}]}"},
		"a build argument":    {text: "ARG BASE=example\nFROM $BASE\nUSER 1001\n", args: map[string]string{"BASE": "example:1"}},
		"a target":            {text: "FROM example:1 AS a\nFROM scratch\nUSER 1001\n", target: "a", want: "missing-user"},
		"a rule of one's own": {text: "FROM scratch\nUSER 1001\n", config: "lint: {rules: [{name: acme-user, message: m, instruction: USER}]}", want: "acme-user"},
		"no Dockerfile":       {text: "FROM\n"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := check.Dockerfile(t.Context(), frontend.Checked{Name: "Dockerfile", Dockerfile: []byte(tc.text), Config: []byte(tc.config), Target: tc.target, Args: tc.args})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				if f.Severity == "info" || f.Severity == "style" {
					continue
				}
				if f.Fatal {
					f.Rule = "!" + f.Rule
				}
				got = append(got, f.Rule)
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("%v, want %s", got, tc.want)
			}
		})
	}
	if _, err := check.Dockerfile(t.Context(), frontend.Checked{Config: []byte("lnit: {}")}); err == nil {
		t.Error("a wrong configuration is taken")
	}
}
