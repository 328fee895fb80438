package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedGem = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-gem",
		Aliases:  []string{"DL3028", "22cd11f7-9c6c-4f6e-84c0-02058120b341"},
		Family:   rule.Pins,
		Summary:  "gem installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM ruby:3.3-slim\nRUN gem install bundler\n",
		Good:     "FROM ruby:3.3-slim\nRUN gem install bundler:2.5.0\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkUnpinnedGem,
}

func checkUnpinnedGem(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "gem") {
		if v.Is(walk.Installs) && !v.Has("-v", "--version", "-g", "--file") {
			words.Unpinned(p, in, v, pinnedGem, "%s:VERSION")
		}
	}
}

func pinnedGem(name string) bool {
	return strings.Contains(name, ":") || strings.HasSuffix(name, ".gem")
}
