package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var dnfYes = rule.Rule{
	Meta: rule.Meta{
		Name:     "dnf-yes",
		Aliases:  []string{"DL3038", "missing-dnf-assume-yes-switch", "7ebd323c-31b7-4e5b-b26f-de5e9e477af8"},
		Family:   rule.Hygiene,
		Summary:  "dnf install does not wait for an answer",
		Why:      "A build has nobody to answer the question that dnf asks, so the install fails. microdnf never asks.",
		Bad:      "FROM fedora:42\nRUN dnf install httpd-2.4.63 && dnf clean all\n",
		Good:     "FROM fedora:42\nRUN dnf install -y httpd-2.4.63 && dnf clean all\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkDnfYes,
}

func checkDnfYes(p *rule.Pass) {
	for _, v := range walk.Managers(p.File, "dnf") {
		if v.Action == walk.Installs && !v.Has("-y", "--assumeyes") {
			p.Report(rule.Finding{Span: v.Span, Message: v.Manager + " " + v.Verb + " asks before it goes on; add -y", Fix: v.Add(p.File, "-y")})
		}
	}
}
