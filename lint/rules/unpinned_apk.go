package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedApk = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-apk",
		Aliases:  []string{"DL3018", "d3499f6d-1651-41bb-a9a7-de925fea487b"},
		Family:   rule.Pins,
		Summary:  "apk adds named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself. Archives of distributions delete old versions, though, so that a pinned package breaks the build one day; a base image by digest, or a snapshot of the archive, holds longer. This is why the rule is not among the recommended ones.",
		Bad:      "FROM alpine:3.20\nRUN apk add --no-cache curl\n",
		Good:     "FROM alpine:3.20\nRUN apk add --no-cache curl=8.9.0-r0\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkUnpinnedApk,
}

func checkUnpinnedApk(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "apk") {
		if v.Is(walk.Installs) {
			words.Unpinned(p, in, v, pinnedApk, "%s=VERSION")
		}
	}
}

// pinnedApk takes a version or a bound, a file, and !pkg for pkg not to be
// there.
func pinnedApk(name string) bool {
	return strings.ContainsAny(name, "=<>~") || strings.HasPrefix(name, "!") || strings.HasSuffix(name, ".apk")
}
