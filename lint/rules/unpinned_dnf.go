package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedDnf = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-dnf",
		Aliases:  []string{"DL3041", "93d88cf7-f078-46a8-8ddc-178e03aeacf1"},
		Family:   rule.Pins,
		Summary:  "dnf installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself. Archives of distributions delete old versions, though, so that a pinned package breaks the build one day; a base image by digest, or a snapshot of the archive, holds longer. This is why the rule is not among the recommended ones.",
		Bad:      "FROM fedora:42\nRUN dnf install -y httpd && dnf clean all\n",
		Good:     "FROM fedora:42\nRUN dnf install -y httpd-2.4.63 && dnf clean all\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkUnpinnedDnf,
}

func checkUnpinnedDnf(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "dnf", "microdnf") {
		switch {
		case v.Group == "module":
			words.Unpinned(p, in, v, walk.PinnedModule, "%s:STREAM")
		case v.Is(walk.Installs):
			words.Unpinned(p, in, v, walk.PinnedRPM, "%s-VERSION")
		}
	}
}
