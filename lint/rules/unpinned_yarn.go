package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedYarn = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-yarn",
		Family:   rule.Pins,
		Summary:  "yarn and pnpm add named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM node:22-slim\nRUN yarn global add serve\n",
		Good:     "FROM node:22-slim\nRUN yarn global add serve@14.2.4\nRUN yarn install --frozen-lockfile\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkUnpinnedYarn,
}

func checkUnpinnedYarn(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "yarn", "pnpm") {
		if (v.Group == "" || v.Group == "global") && v.Verb == "add" {
			words.Unpinned(p, in, v, walk.PinnedJS, "%s@VERSION")
		}
	}
}
