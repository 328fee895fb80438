package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var cdInRun = rule.Rule{
	Meta: rule.Meta{
		Name:     "cd-in-run",
		Aliases:  []string{"DL3003", "DS-0013"},
		Family:   rule.Hygiene,
		Summary:  "WORKDIR is used, not cd",
		Why:      "A cd ends with its RUN, so it has to be said again in the next. WORKDIR holds for what follows.",
		Bad:      "FROM debian:12\nRUN cd /app\n",
		Good:     "FROM debian:12\nWORKDIR /app\n",
		Severity: rule.Style,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkCdInRun,
}

func checkCdInRun(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		if c.Name == "cd" {
			p.Reportf(c.Span, "use WORKDIR to change directory")
		}
	}
}
