package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedPip = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-pip",
		Aliases:  []string{"DL3013"},
		Family:   rule.Pins,
		Summary:  "pip installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM python:3.12-slim\nRUN pip install flask\n",
		Good:     "FROM python:3.12-slim\nRUN pip install flask==3.0.0\nRUN pip install -r requirements.txt\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkUnpinnedPip,
}

func checkUnpinnedPip(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		packages, ok := walk.Install(c, "pip", "pip3")
		if !ok || c.HasFlag("-r", "--requirement", "-c", "--constraint") {
			continue
		}
		for _, pkg := range packages {
			if !pkg.Literal || strings.ContainsAny(pkg.Text, "=<>~@/") || strings.HasPrefix(pkg.Text, ".") || strings.HasSuffix(pkg.Text, ".whl") || strings.HasSuffix(pkg.Text, ".gz") {
				continue
			}
			p.Reportf(pkg.Span, pkg.Text+" is installed without a version; write "+pkg.Text+"==VERSION or use a lock file")
		}
	}
}
