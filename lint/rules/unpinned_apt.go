package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedApt = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-apt",
		Aliases:  []string{"DL3008", "965a08d7-ef86-4f14-8792-4a3b2098937e"},
		Family:   rule.Pins,
		Summary:  "apt-get installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself. Archives of distributions delete old versions, though, so that a pinned package breaks the build one day; a base image by digest, or a snapshot of the archive, holds longer. This is why the rule is not among the recommended ones.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl=7.88.1-10\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkUnpinnedApt,
}

func checkUnpinnedApt(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "apt-get", "apt", "aptitude") {
		if v.Is(walk.Installs) {
			words.Unpinned(p, in, v, pinnedApt, "%s=VERSION")
		}
	}
}

// pinnedApt takes a version, a release, a file, and pkg- for pkg not to be
// there.
func pinnedApt(name string) bool {
	return strings.ContainsAny(name, "=/") || strings.HasSuffix(name, ".deb") || strings.HasSuffix(name, "-")
}
