package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedTdnf = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-tdnf",
		Family:   rule.Pins,
		Summary:  "tdnf installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself. Archives of distributions delete old versions, though, so that a pinned package breaks the build one day; a base image by digest, or a snapshot of the archive, holds longer. This is why the rule is only in strict.",
		Bad:      "FROM mcr.microsoft.com/azurelinux/base/core:3.0\nRUN tdnf install -y httpd && tdnf clean all\n",
		Good:     "FROM mcr.microsoft.com/azurelinux/base/core:3.0\nRUN tdnf install -y httpd-2.4.63 && tdnf clean all\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
	},
	Check: checkUnpinnedTdnf,
}

func checkUnpinnedTdnf(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "tdnf") {
		switch {
		case v.Group == "module":
			words.Unpinned(p, in, v, walk.PinnedModule, "%s:STREAM")
		case v.Is(walk.Installs):
			words.Unpinned(p, in, v, walk.PinnedRPM, "%s-VERSION")
		}
	}
}
