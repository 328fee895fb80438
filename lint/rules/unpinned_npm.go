package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedNpm = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-npm",
		Aliases:  []string{"DL3016", "e36d8880-3f78-4546-b9a1-12f0745ca0d5"},
		Family:   rule.Pins,
		Summary:  "npm installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM node:22-slim\nRUN npm install -g yarn\n",
		Good:     "FROM node:22-slim\nRUN npm install -g yarn@1.22.22\nRUN npm ci\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkUnpinnedNpm,
}

func checkUnpinnedNpm(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "npm") {
		if v.Is(walk.Installs) {
			words.Unpinned(p, in, v, walk.PinnedJS, "%s@VERSION")
		}
	}
}
