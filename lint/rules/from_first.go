package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
)

var fromFirst = rule.Rule{
	Meta: rule.Meta{
		Name:     "from-first",
		Aliases:  []string{"DL3061"},
		Family:   rule.Hygiene,
		Summary:  "only ARG comes before the first FROM",
		Why:      "An instruction belongs to the stage that FROM begins. Before the first one there is no stage, so BuildKit refuses the file; only ARG may stand there, for FROM to use.",
		Bad:      "LABEL version=1\nFROM debian:12\n",
		Good:     "ARG TAG=12\nFROM debian:${TAG}\nLABEL version=1\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkFromFirst,
}

func checkFromFirst(p *rule.Pass) {
	for _, problem := range p.File.Problems {
		in := p.File.Instructions[problem.Index]
		if in.Stage >= 0 || problem.Unknown() {
			continue
		}
		p.Report(rule.Finding{Span: in.KeywordSpan(), Message: strings.ToUpper(in.Keyword) + " comes before the first FROM, where only ARG may", Refusal: true})
	}
}
