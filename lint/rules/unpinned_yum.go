package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedYum = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-yum",
		Aliases:  []string{"DL3033", "6452c424-1d92-4deb-bb18-a03e95d579c4"},
		Family:   rule.Pins,
		Summary:  "yum installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself. Archives of distributions delete old versions, though, so that a pinned package breaks the build one day; a base image by digest, or a snapshot of the archive, holds longer. This is why the rule is not among the recommended ones.",
		Bad:      "FROM rockylinux:8\nRUN yum install -y httpd && yum clean all\n",
		Good:     "FROM rockylinux:8\nRUN yum install -y httpd-2.4.37 && yum clean all\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkUnpinnedYum,
}

func checkUnpinnedYum(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "yum") {
		switch {
		case v.Group == "module":
			words.Unpinned(p, in, v, walk.PinnedModule, "%s:STREAM")
		case v.Is(walk.Installs):
			words.Unpinned(p, in, v, walk.PinnedRPM, "%s-VERSION")
		}
	}
}
