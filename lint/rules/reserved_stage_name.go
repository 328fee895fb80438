package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
)

var reservedStageName = rule.Rule{
	Meta: rule.Meta{
		Name:     "reserved-stage-name",
		Aliases:  []string{"DL3063", "ReservedStageName"},
		Family:   rule.Hygiene,
		Summary:  "no stage is called scratch or context",
		Why:      "FROM scratch means the empty image and context is the build context. A stage of that name hides what readers and tools take them for.",
		Bad:      "FROM debian:12 AS scratch\n",
		Good:     "FROM debian:12 AS base\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkReservedStageName,
}

func checkReservedStageName(p *rule.Pass) {
	for i := range p.File.Stages {
		s := &p.File.Stages[i]
		if s.Name == "scratch" || s.Name == "context" {
			p.Reportf(p.File.Instructions[s.From].Words()[2].Span, s.Name+" has a meaning of its own; give the stage another name")
		}
	}
}
