package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var wgetAndCurl = rule.Rule{
	Meta: rule.Meta{
		Name:     "wget-and-curl",
		Aliases:  []string{"DL4001", "DS-0014", "use-either-wget-or-curl", "fc775e75-fcfb-4c98-b2f2-910c5858b359"},
		Family:   rule.Fat,
		Summary:  "a stage downloads with wget or curl, not with both",
		Why:      "Both do the same; the second one is only more to install and to keep free of vulnerabilities.",
		Bad:      "FROM debian:12\nRUN wget -q https://example.test/a\nRUN curl -fsSO https://example.test/b\n",
		Good:     "FROM debian:12\nRUN curl -fsSO https://example.test/a\nRUN curl -fsSO https://example.test/b\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkWgetAndCurl,
}

func checkWgetAndCurl(p *rule.Pass) {
	seen, stage := map[string]bool{}, -1
	for in, c := range walk.Named(p.File, "wget", "curl") {
		if in.Stage != stage {
			seen, stage = map[string]bool{}, in.Stage
		}
		other := map[string]string{"wget": "curl", "curl": "wget"}[c.Name]
		seen[c.Name] = true
		if seen[other] {
			p.Reportf(c.Span, "the stage uses "+other+" already; one of the two will do")
		}
	}
}
