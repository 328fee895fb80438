package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var heredocWithoutErrexit = rule.Rule{
	Meta: rule.Meta{
		Name:     "heredoc-without-errexit",
		Family:   rule.Hygiene,
		Summary:  "the script of a heredoc stops at the first error",
		Why:      "In RUN a && b, b runs only when a succeeded. The lines of RUN <<EOF run one after the other whatever happens, and only the last one decides whether the build fails. set -e stops at the first error.",
		Bad:      "FROM debian:12\nRUN <<EOF\nmake\nmake install\necho done\nEOF\n",
		Good:     "FROM debian:12\nRUN <<EOF\nset -e\nmake\nmake install\necho done\nEOF\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended"},
	},
	Check: checkHeredocWithoutErrexit,
}

func checkHeredocWithoutErrexit(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		s, ok := p.File.Script(in)
		if !ok || in.Stage < 0 || !s.Heredoc || s.File == nil || len(s.File.Stmts) < 2 || walk.StopsOnError(s) {
			continue
		}
		first := s.Span(int(s.File.Stmts[0].Pos().Offset()), int(s.File.Stmts[0].End().Offset()))
		line := p.File.Pos(s.Span(0, 1).Start).Line
		if strings.HasPrefix(s.Text, "#!") {
			line++
		}
		at := p.File.LineStart(line)
		p.Report(rule.Finding{
			Span:    first,
			Message: "the script goes on after an error; begin it with set -e",
			Fix:     &rule.Fix{Title: "Add set -e", Safety: rule.Unsafe, Edits: []source.Edit{{Span: source.Span{Start: at, End: at}, New: walk.Indent(p.File, first.Start) + "set -e" + walk.EOL(p.File, at)}}},
		})
	}
}
