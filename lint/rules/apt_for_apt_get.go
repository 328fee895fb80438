package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var aptForAptGet = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-for-apt-get",
		Aliases:  []string{"DL3027", "CKV_DOCKER_9"},
		Family:   rule.Hygiene,
		Summary:  "apt-get is used, not apt",
		Why:      "apt is for people: its command line may change with any release, and it says so.",
		Bad:      "FROM debian:12\nRUN apt update\n",
		Good:     "FROM debian:12\nRUN apt-get update\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAptForAptGet,
}

func checkAptForAptGet(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		if c.Name == "apt" {
			p.Report(rule.Finding{Span: c.NameSpan, Message: "apt is for people at a terminal; use apt-get", Fix: &rule.Fix{
				Title: "Use apt-get", Safety: rule.Unsafe, Edits: []source.Edit{{Span: c.NameSpan, New: "apt-get"}},
			}})
		}
	}
}
