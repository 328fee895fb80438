package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var zypperYes = rule.Rule{
	Meta: rule.Meta{
		Name:     "zypper-yes",
		Aliases:  []string{"DL3034", "45e1fca5-f90e-465d-825f-c2cb63fa3944"},
		Family:   rule.Hygiene,
		Summary:  "zypper does not prompt",
		Why:      "A build has nobody to answer the question that zypper asks, so the install fails.",
		Bad:      "FROM opensuse/leap:15.6\nRUN zypper install curl=8.6.0 && zypper clean\n",
		Good:     "FROM opensuse/leap:15.6\nRUN zypper --non-interactive install curl=8.6.0 && zypper clean\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkZypperYes,
}

func checkZypperYes(p *rule.Pass) {
	for _, v := range walk.Managers(p.File, "zypper") {
		if v.Is(walk.Installs, walk.Upgrades) && !v.Has("-n", "--non-interactive", "-y", "--no-confirm") {
			p.Report(rule.Finding{Span: v.Span, Message: v.Manager + " " + v.Verb + " asks before it goes on; add -y", Fix: v.Add(p.File, "-y")})
		}
	}
}
