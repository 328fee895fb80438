package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedApk = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-apk",
		Aliases:  []string{"DL3018"},
		Family:   rule.Pins,
		Summary:  "apk adds named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM alpine:3.20\nRUN apk add --no-cache curl\n",
		Good:     "FROM alpine:3.20\nRUN apk add --no-cache curl=8.9.0-r0\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkUnpinnedApk,
}

func checkUnpinnedApk(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		packages, ok := walk.Install(c, "apk")
		if !ok {
			continue
		}
		for _, pkg := range packages {
			if !pkg.Literal || strings.ContainsAny(pkg.Text, "=<>~") {
				continue
			}
			p.Reportf(pkg.Span, pkg.Text+" is added without a version")
		}
	}
}
