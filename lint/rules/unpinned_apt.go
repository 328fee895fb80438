package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedApt = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-apt",
		Aliases:  []string{"DL3008"},
		Family:   rule.Pins,
		Summary:  "apt-get installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl=7.88.1-10\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkUnpinnedApt,
}

func checkUnpinnedApt(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		packages, ok := walk.Install(c, "apt-get", "apt")
		if !ok {
			continue
		}
		for _, pkg := range packages {
			if !pkg.Literal || strings.Contains(pkg.Text, "=") || strings.Contains(pkg.Text, "/") {
				continue
			}
			p.Reportf(pkg.Span, pkg.Text+" is installed without a version")
		}
	}
}
