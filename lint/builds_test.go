package lint_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// What is wrong in one build is reported, and once.
func TestBuilds(t *testing.T) {
	final := rule.Rule{Meta: rule.Meta{Name: "final"}, Check: func(p *rule.Pass) {
		base, _ := p.File.BaseName(p.File.Final())
		p.Reportf(p.File.Instructions[p.File.Final().From].Span(), base)
	}}
	src := source.NewFile("f", []byte("ARG X=x\nFROM $X AS a\nFROM b\n"))
	for want, builds := range map[string][]dockerfile.Build{
		"b":     nil,
		"x":     {{Target: "a"}},
		"y x b": {{Target: "a", Args: map[string]string{"X": "y"}}, {Target: "a"}, {}, {Target: "a"}},
	} {
		diags, err := lint.Run(t.Context(), src, lint.Options{Rules: []rule.Rule{final}, Builds: builds})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i, d := range diags {
			if i > 0 {
				got += " "
			}
			got += d.Message
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%+v: %s", builds, d)
		}
	}
}
