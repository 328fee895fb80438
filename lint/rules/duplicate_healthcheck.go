package rules

import "github.com/whittle-oci/whittle/lint/rule"

var duplicateHealthcheck = rule.Rule{
	Meta: rule.Meta{
		Name:     "duplicate-healthcheck",
		Aliases:  []string{"DL3012", "MultipleInstructionsDisallowed", "DS-0023"},
		Family:   rule.Hygiene,
		Summary:  "a stage has one HEALTHCHECK",
		Why:      "Only the last HEALTHCHECK of a stage counts. One before it has no effect, and whoever reads it first believes it.",
		Bad:      "FROM debian:12\nHEALTHCHECK CMD [\"a\"]\nHEALTHCHECK CMD [\"b\"]\n",
		Good:     "FROM debian:12\nHEALTHCHECK CMD [\"b\"]\n",
		Severity: rule.Error,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: func(p *rule.Pass) { checkDead(p, "healthcheck") },
}
