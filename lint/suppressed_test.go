package lint_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// keyword makes a rule that reports every instruction with a keyword.
func keyword(name, word string) rule.Rule {
	return rule.Rule{Meta: rule.Meta{Name: name, Aliases: []string{"X-" + strings.ToUpper(word)}, Severity: rule.Warning}, Check: func(p *rule.Pass) {
		for _, in := range p.File.Instructions {
			if in.Keyword == word {
				p.Reportf(in.Span(), word)
			}
		}
	}}
}

var two = []rule.Rule{keyword("no-run", "run"), keyword("no-env", "env")}

func run(t *testing.T, text string, opts lint.Options) []string {
	t.Helper()
	opts.Rules = two
	diags, err := lint.Run(t.Context(), source.NewFile("f", []byte(text)), opts)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range diags {
		out = append(out, fmt.Sprintf("%d %s %s", d.File.Pos(d.Span.Start).Line, d.Severity, d.Rule.Name))
	}
	return out
}

func TestDropSuppressed(t *testing.T) {
	const text = `FROM a
# hadolint ignore=X-RUN -- known
RUN a
RUN b
# whittle stage ignore=no-env
FROM b
ENV a=b
FROM c
ENV a=b
# trivy:ignore:X-ENV:exp:2026-01-31
ENV c=d
`
	for name, tc := range map[string]struct {
		opts lint.Options
		want []string
	}{
		"heeded":      {lint.Options{}, []string{"4 warning no-run", "9 warning no-env"}},
		"expired":     {lint.Options{Today: "2026-02-01"}, []string{"4 warning no-run", "9 warning no-env", "11 warning no-env"}},
		"not yet":     {lint.Options{Today: "2026-01-31"}, []string{"4 warning no-run", "9 warning no-env"}},
		"for audits":  {lint.Options{Suppressed: true}, []string{"3 warning no-run", "4 warning no-run", "7 warning no-env", "9 warning no-env", "11 warning no-env"}},
		"of one tool": {lint.Options{SuppressFrom: []string{"trivy"}}, []string{"3 warning no-run", "4 warning no-run", "7 warning no-env", "9 warning no-env"}},
		"with reasons": {lint.Options{RequireReason: true, Severity: map[string]rule.Severity{"unexplained-ignore": rule.Error}},
			[]string{"4 warning no-run", "5 error unexplained-ignore", "9 warning no-env", "10 error unexplained-ignore"}},
	} {
		if d := cmp.Diff(tc.want, run(t, text, tc.opts)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// An ignore is unused when its rule ran and it hid nothing; what other tools
// know is left alone.
func TestUnusedIgnore(t *testing.T) {
	const text = `# syntax=docker/dockerfile:1
# hadolint global ignore=no-env,DL9999
FROM a
# whittle ignore=no-run,no-env
RUN a
# whittle ignore=all
RUN b
# whittle ignore=all
USER x
# checkov:skip=X-ENV
# whittle ignore=no-run
`
	got := run(t, text, lint.Options{ReportUnused: true})
	want := []string{"2 info unused-ignore", "4 info unused-ignore", "8 info unused-ignore", "10 info unused-ignore", "11 info unused-ignore"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	src := source.NewFile("f", []byte(text))
	fixed, left, err := lint.Fix(t.Context(), src, lint.Options{Rules: two, ReportUnused: true})
	if err != nil {
		t.Fatal(err)
	}
	const clean = `# syntax=docker/dockerfile:1
# hadolint global ignore=DL9999
FROM a
# whittle ignore=no-run
RUN a
# whittle ignore=all
RUN b
USER x
# checkov:skip=X-ENV
`
	if d := cmp.Diff(clean, string(fixed.Bytes)); d != "" {
		t.Error(d)
	}
	if len(left) != 1 || left[0].Rule.Name != "unused-ignore" {
		t.Errorf("left: %v", left)
	}
}

// Removing a comment must not make a directive of the one below it.
func TestUnusedAboveDirective(t *testing.T) {
	src := source.NewFile("f", []byte("# whittle ignore=no-run\n# escape=`\nFROM a\n"))
	fixed, _, err := lint.Fix(t.Context(), src, lint.Options{Rules: two, ReportUnused: true})
	if err != nil || fixed != src {
		t.Errorf("%q, %v", fixed.Bytes, err)
	}
}

func TestFixOnly(t *testing.T) {
	upper := func(name, word string) rule.Rule {
		r := keyword(name, word)
		r.Check = func(p *rule.Pass) {
			for _, in := range p.File.Instructions {
				if s := in.KeywordSpan(); in.Keyword == word && string(p.File.Bytes[s.Start:s.End]) == word {
					p.Report(rule.Finding{Span: s, Message: "m", Fix: &rule.Fix{Edits: []source.Edit{{Span: s, New: strings.ToUpper(word)}}}})
				}
			}
		}
		return r
	}
	src := source.NewFile("f", []byte("FROM a\nrun a\nenv b=c\n"))
	fixed, left, err := lint.Fix(t.Context(), src, lint.Options{Rules: []rule.Rule{upper("no-run", "run"), upper("no-env", "env")}, FixOnly: []string{"X-ENV"}})
	if err != nil || string(fixed.Bytes) != "FROM a\nrun a\nENV b=c\n" || len(left) != 1 {
		t.Errorf("%q, %v, %v", fixed.Bytes, left, err)
	}
}
