package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
)

var duplicateStageName = rule.Rule{
	Meta: rule.Meta{
		Name:     "duplicate-stage-name",
		Aliases:  []string{"DL3024", "DuplicateStageName", "DS-0012", "CKV_DOCKER_11", "f2daed12-c802-49cd-afed-fe41d0b82fed"},
		Family:   rule.Hygiene,
		Summary:  "stage names are unique",
		Why:      "Of two stages with one name, FROM and COPY --from find the one that was begun last before them, and --target finds the last. What was meant for the other is lost without a word.",
		Bad:      "FROM debian:12 AS base\nFROM alpine:3.20 AS base\n",
		Good:     "FROM debian:12 AS base\nFROM alpine:3.20 AS small\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkDuplicateStageName,
}

func checkDuplicateStageName(p *rule.Pass) {
	seen := map[string]bool{}
	for i := range p.File.Stages {
		s := &p.File.Stages[i]
		if words := p.File.Instructions[s.From].Words(); seen[s.Name] && len(words) == 3 {
			p.Reportf(words[2].Span, "an earlier stage is called "+s.Name+" too; give this one another name")
		}
		seen[s.Name] = true
	}
}
