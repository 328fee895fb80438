package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var yumYes = rule.Rule{
	Meta: rule.Meta{
		Name:     "yum-yes",
		Aliases:  []string{"DL3030", "missing-yum-assume-yes-switch", "6e19193a-8753-436d-8a09-76dcff91bb03"},
		Family:   rule.Hygiene,
		Summary:  "yum install does not prompt",
		Why:      "A build has nobody to answer the question that yum asks, so the install fails.",
		Bad:      "FROM rockylinux:8\nRUN yum install httpd-2.4.37 && yum clean all\n",
		Good:     "FROM rockylinux:8\nRUN yum install -y httpd-2.4.37 && yum clean all\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkYumYes,
}

func checkYumYes(p *rule.Pass) {
	for _, v := range walk.Managers(p.File, "yum") {
		if v.Action == walk.Installs && !v.Has("-y", "--assumeyes") {
			p.Report(rule.Finding{Span: v.Span, Message: v.Manager + " " + v.Verb + " asks before it goes on; add -y", Fix: v.Add(p.File, "-y")})
		}
	}
}
