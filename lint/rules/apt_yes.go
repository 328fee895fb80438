package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var aptYes = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-yes",
		Aliases:  []string{"DL3014", "DS-0021"},
		Family:   rule.Hygiene,
		Summary:  "apt-get install does not wait for an answer",
		Why:      "A build has nobody to answer apt's question, so the install fails.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAptYes,
}

func checkAptYes(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		if _, ok := walk.Install(c, "apt-get", "apt"); !ok || c.HasFlag("-y", "--yes", "--assume-yes", "-qq", "-q=2") {
			continue
		}
		verb, _ := walk.Verb(c)
		p.Report(rule.Finding{Span: c.Span, Message: "apt-get install asks before it goes on; add -y", Fix: &rule.Fix{
			Title: "Add -y", Safety: rule.Unsafe, Edits: []source.Edit{{Span: walk.After(verb), New: " -y"}},
		}})
	}
}
