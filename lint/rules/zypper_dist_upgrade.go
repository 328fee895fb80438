package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var zypperDistUpgrade = rule.Rule{
	Meta: rule.Meta{
		Name:     "zypper-dist-upgrade",
		Aliases:  []string{"DL3035", "avoid-zypper-update", "d4895357-dd49-4ba5-b726-1bb81cb50989"},
		Family:   rule.Fat,
		Summary:  "zypper does not upgrade the distribution",
		Why:      "zypper dist-upgrade can move an image to another release of the distribution, on the day that the repositories do. Take a base image of the release that is wanted.",
		Bad:      "FROM opensuse/leap:15.6\nRUN zypper -n dist-upgrade\n",
		Good:     "FROM opensuse/leap:15.6\nRUN zypper -n install curl=8.6.0 && zypper clean\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkZypperDistUpgrade,
}

func checkZypperDistUpgrade(p *rule.Pass) {
	for _, v := range walk.Managers(p.File, "zypper") {
		if v.Verb == "dist-upgrade" || v.Verb == "dup" {
			p.Reportf(v.Span, "zypper "+v.Verb+" may change the release of the distribution; use a newer base image")
		}
	}
}
