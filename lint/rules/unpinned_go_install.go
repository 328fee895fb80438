package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedGoInstall = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-go-install",
		Aliases:  []string{"DL3062"},
		Family:   rule.Pins,
		Summary:  "go install names versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM golang:1.26\nRUN go install example.test/tool@latest\n",
		Good:     "FROM golang:1.26\nRUN go install example.test/tool@v1.2.3\nRUN go install ./...\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkUnpinnedGoInstall,
}

func checkUnpinnedGoInstall(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		packages, ok := walk.Install(c, "go")
		if !ok {
			continue
		}
		for _, pkg := range packages {
			if !pkg.Literal || strings.HasPrefix(pkg.Text, ".") || !strings.Contains(pkg.Text, ".") || strings.Contains(pkg.Text, "@") && !strings.HasSuffix(pkg.Text, "@latest") && !strings.HasSuffix(pkg.Text, "@none") {
				continue
			}
			p.Reportf(pkg.Span, pkg.Text+" is installed without a version; write @vX.Y.Z")
		}
	}
}
