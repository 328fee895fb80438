package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedZypper = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-zypper",
		Aliases:  []string{"DL3037", "562952e4-0348-4dea-9826-44f3a2c6117b"},
		Family:   rule.Pins,
		Summary:  "zypper installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself. Archives of distributions delete old versions, though, so that a pinned package breaks the build one day; a base image by digest, or a snapshot of the archive, holds longer. This is why the rule is not among the recommended ones.",
		Bad:      "FROM opensuse/leap:15.6\nRUN zypper -n install curl && zypper clean\n",
		Good:     "FROM opensuse/leap:15.6\nRUN zypper -n install curl=8.6.0 && zypper clean\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkUnpinnedZypper,
}

func checkUnpinnedZypper(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "zypper") {
		if v.Is(walk.Installs) {
			words.Unpinned(p, in, v, pinnedZypper, "%s=VERSION")
		}
	}
}

func pinnedZypper(name string) bool {
	return strings.ContainsAny(name, "=<>/") || strings.HasSuffix(name, ".rpm") || strings.HasPrefix(name, "-") || strings.HasPrefix(name, "!")
}
