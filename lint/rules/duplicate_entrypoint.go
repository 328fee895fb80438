package rules

import "github.com/whittle-oci/whittle/lint/rule"

var duplicateEntrypoint = rule.Rule{
	Meta: rule.Meta{
		Name:     "duplicate-entrypoint",
		Aliases:  []string{"DL4004", "MultipleInstructionsDisallowed", "DS-0007", "6938958b-3f1a-451c-909b-baeee14bdc97", "multiple-entrypoint-instructions"},
		Family:   rule.Hygiene,
		Summary:  "a stage has one ENTRYPOINT",
		Why:      "Only the last ENTRYPOINT of a stage counts. One before it has no effect, and whoever reads it first believes it.",
		Bad:      "FROM debian:12\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n",
		Good:     "FROM debian:12\nENTRYPOINT [\"b\"]\n",
		Severity: rule.Error,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: func(p *rule.Pass) { checkDead(p, "entrypoint") },
}
