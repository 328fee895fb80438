package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var yarnCache = rule.Rule{
	Meta: rule.Meta{
		Name:     "yarn-cache",
		Aliases:  []string{"DL3060"},
		Family:   rule.Fat,
		Summary:  "yarn install leaves no cache in the layer",
		Why:      "yarn keeps what it downloads below /usr/local/share/.cache or the home. Deleted in a later RUN it still is in the layer that made it; clean up in the same one, or mount a cache there.",
		Bad:      "FROM node:22-slim\nRUN yarn install --frozen-lockfile\n",
		Good:     "FROM node:22-slim\nRUN yarn install --frozen-lockfile && yarn cache clean\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"hadolint"},
	},
	Check: checkYarnCache,
}

var yarnCacheFiles = walk.Cache{
	Managers: []string{"yarn"},
	Fills:    []walk.Action{walk.Installs},
	Dirs:     []string{"/usr/local/share/.cache/yarn"},
	Tails:    []string{".cache", ".cache/yarn", ".cache/yarn/v4", ".cache/yarn/v6", ".yarn", ".yarn/cache", ".yarn/berry", ".yarn/berry/cache"},
	Flags:    []string{"--cache-folder"},
	Variable: "YARN_CACHE_FOLDER",
	Cleaned:  func(v walk.Invocation) bool { return v.Group == "cache" && v.Action == walk.Cleans },
}

func checkYarnCache(p *rule.Pass) {
	for in, v := range yarnCacheFiles.Left(p.File) {
		if p.File.Shipped(in.Stage) {
			p.Report(rule.Finding{Span: v.Span, Message: "yarn keeps its downloads in the layer; add yarn cache clean to the same RUN", Fix: walk.Append(p.File, in, "yarn cache clean")})
		}
	}
}
