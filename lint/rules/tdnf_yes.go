package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var tdnfYes = rule.Rule{
	Meta: rule.Meta{
		Name:     "tdnf-yes",
		Family:   rule.Hygiene,
		Summary:  "tdnf install does not prompt",
		Why:      "A build has nobody to answer the question that tdnf asks, so the install fails.",
		Bad:      "FROM mcr.microsoft.com/azurelinux/base/core:3.0\nRUN tdnf install httpd-2.4.63 && tdnf clean all\n",
		Good:     "FROM mcr.microsoft.com/azurelinux/base/core:3.0\nRUN tdnf install -y httpd-2.4.63 && tdnf clean all\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended"},
	},
	Check: checkTdnfYes,
}

func checkTdnfYes(p *rule.Pass) {
	for _, v := range walk.Managers(p.File, "tdnf") {
		if v.Action == walk.Installs && !v.Has("-y", "--assumeyes") {
			p.Report(rule.Finding{Span: v.Span, Message: v.Manager + " " + v.Verb + " asks before it goes on; add -y", Fix: v.Add(p.File, "-y")})
		}
	}
}
