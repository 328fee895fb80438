package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var asCase = rule.Rule{
	Meta: rule.Meta{
		Name:     "as-case",
		Aliases:  []string{"FromAsCasing"},
		Family:   rule.Hygiene,
		Summary:  "AS has the same case as its FROM",
		Why:      "One line in two styles reads as if it had been put together from two files. BuildKit takes both.",
		Bad:      "FROM debian:12 as build\n",
		Good:     "FROM debian:12 AS build\n",
		Severity: rule.Style,
		Fixable:  rule.Always,
		Presets:  []string{"recommended"},
	},
	Check: checkAsCase,
}

func checkAsCase(p *rule.Pass) {
	for i := range p.File.Stages {
		in := p.File.Instructions[p.File.Stages[i].From]
		words := in.Words()
		if len(words) != 3 {
			continue
		}
		as, from, want := words[1], in.Node.Value, ""
		switch from {
		case strings.ToLower(from):
			want = strings.ToLower(as.Text)
		case strings.ToUpper(from):
			want = strings.ToUpper(as.Text)
		default: // instruction-case is about that
			continue
		}
		if as.Text == want {
			continue
		}
		p.Report(rule.Finding{Span: as.Span, Message: from + " and " + as.Text + " are not in one case; write " + want, Fix: &rule.Fix{
			Title: "Write " + want, Edits: []source.Edit{{Span: as.Span, New: want}},
		}})
	}
}
