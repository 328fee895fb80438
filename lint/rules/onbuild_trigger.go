package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
)

var onbuildTrigger = rule.Rule{
	Meta: rule.Meta{
		Name:     "onbuild-trigger",
		Aliases:  []string{"DL3043"},
		Family:   rule.Hygiene,
		Summary:  "ONBUILD triggers neither ONBUILD, FROM nor MAINTAINER",
		Why:      "A trigger runs inside a stage that exists already, so it cannot begin one, and it cannot leave triggers of its own. BuildKit refuses the file.",
		Bad:      "FROM debian:12\nONBUILD FROM alpine:3.20\n",
		Good:     "FROM debian:12\nONBUILD COPY . /app\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkOnbuildTrigger,
}

func checkOnbuildTrigger(p *rule.Pass) {
	for _, problem := range p.File.Problems {
		in := p.File.Instructions[problem.Index]
		if in.Keyword != "onbuild" || in.Stage < 0 {
			continue
		}
		for _, w := range in.Words() {
			trigger, _, _ := strings.Cut(strings.ToLower(w.Text), " ")
			if slices.Contains([]string{"onbuild", "from", "maintainer"}, trigger) {
				p.Report(rule.Finding{Span: in.Span(), Message: "ONBUILD cannot trigger " + strings.ToUpper(trigger), Refusal: true})
			}
		}
	}
}
