package rules

import (
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suggest"
)

var undefinedArgInFrom = rule.Rule{
	Meta: rule.Meta{
		Name:     "undefined-arg-in-from",
		Aliases:  []string{"UndefinedArgInFrom"},
		Family:   rule.Hygiene,
		Summary:  "FROM uses variables that are declared by a preceding ARG",
		Why:      "FROM knows the ARGs that stand before the first FROM and those that BuildKit declares, such as TARGETARCH. Any other variable is empty, and a build argument cannot change that.",
		Bad:      "ARG VERSION=12\nFROM debian:${VERSON}\n",
		Good:     "ARG VERSION=12\nFROM debian:${VERSION}\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkUndefinedArgInFrom,
}

func checkUndefinedArgInFrom(p *rule.Pass) {
	for i := range p.File.Stages {
		in := p.File.Instructions[p.File.Stages[i].From]
		words := in.Words()[:1]
		if flag, ok := in.Flag("platform"); ok {
			words = append([]dockerfile.Word{{Text: flag.Value, Span: flag.ValueSpan}}, words...)
		}
		for _, w := range words {
			for _, name := range p.File.UndeclaredInFrom(w.Text) {
				near := suggest.Typo(name, p.File.GlobalNames())
				finding := rule.Finding{Span: w.Span, Message: "no ARG before the first FROM declares " + name}
				if span, ok := walk.RefSpan(p.File, w, name); ok {
					finding.Span = span
					if near != "" {
						finding.Fix = &rule.Fix{Title: "Use " + near, Safety: rule.Suggestion, Edits: []source.Edit{{Span: span, New: near}}}
					}
				}
				if near != "" {
					finding.Message += "; did you mean " + near + "?"
				}
				p.Report(finding)
			}
		}
	}
}
