package lint_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// TestGather holds findings that yield to others back, as long as those are
// there.
func TestGather(t *testing.T) {
	const text = "FROM debian:12\nRUN apt-get update\n"
	chosen := func(names ...string) []rule.Rule {
		var out []rule.Rule
		for _, r := range rules.All() {
			for _, n := range names {
				if r.Name == n {
					out = append(out, r)
				}
			}
		}
		return out
	}
	for _, c := range []struct {
		name, text string
		opts       lint.Options
		want       []string
	}{
		{"both", text, lint.Options{Rules: chosen("apt-lists", "update-alone")}, []string{"apt-lists", "update-alone"}},
		{"gathered", text, lint.Options{Rules: chosen("apt-lists", "update-alone"), Gather: true}, []string{"update-alone"}},
		{"alone", text, lint.Options{Rules: chosen("apt-lists"), Gather: true}, []string{"apt-lists"}},
		{"switched off", "FROM debian:12\n# whittle ignore=update-alone\nRUN apt-get update\n", lint.Options{Rules: chosen("apt-lists", "update-alone"), Gather: true}, []string{"apt-lists"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			diags, err := lint.Run(t.Context(), source.NewFile("Dockerfile", []byte(c.text)), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range diags {
				got = append(got, d.Rule.Name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestYields holds what rules yield to to names that there are.
func TestYields(t *testing.T) {
	names := map[string]bool{lint.UnusedIgnore.Name: true, lint.UnexplainedIgnore.Name: true}
	for _, r := range rules.All() {
		names[r.Name] = true
	}
	for _, r := range rules.All() {
		for _, n := range r.Yields {
			if !names[n] || n == r.Name {
				t.Errorf("%s yields to %s", r.Name, n)
			}
		}
	}
}

// TestMinor counts a finding for one less, unless the configuration says what
// its rule counts as.
func TestMinor(t *testing.T) {
	minor := rule.Rule{Meta: rule.Meta{Name: "x", Severity: rule.Warning}, Check: func(p *rule.Pass) {
		p.Report(rule.Finding{Message: "a"})
		p.Report(rule.Finding{Message: "b", Minor: true})
	}}
	for _, c := range []struct {
		severity map[string]rule.Severity
		want     []rule.Severity
	}{
		{nil, []rule.Severity{rule.Warning, rule.Info}},
		{map[string]rule.Severity{"x": rule.Error}, []rule.Severity{rule.Error, rule.Error}},
	} {
		diags, err := lint.Run(t.Context(), source.NewFile("Dockerfile", []byte("FROM scratch\n")), lint.Options{Rules: []rule.Rule{minor}, Severity: c.severity})
		if err != nil {
			t.Fatal(err)
		}
		var got []rule.Severity
		for _, d := range diags {
			got = append(got, d.Severity)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}
