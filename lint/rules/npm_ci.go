package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var npmCi = rule.Rule{
	Meta: rule.Meta{
		Name:     "npm-ci",
		Aliases:  []string{"DF031"},
		Family:   rule.Pins,
		Summary:  "npm installs what the lock file says",
		Why:      "npm install may change the lock file and take newer versions than it names. npm ci installs exactly those, and fails when package.json asks for others.",
		Bad:      "FROM node:22-slim\nCOPY package.json package-lock.json ./\nRUN npm install\n",
		Good:     "FROM node:22-slim\nCOPY package.json package-lock.json ./\nRUN npm ci\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
	},
	Check: checkNpmCi,
}

func checkNpmCi(p *rule.Pass) {
	for _, v := range walk.Managers(p.File, "npm") {
		if !v.Is(walk.Installs) || len(v.Packages) > 0 || v.Has("-g", "--global", "--location", "--package-lock-only") {
			continue
		}
		p.Report(rule.Finding{Span: v.Span, Message: "npm install may take other versions than the lock file names; use npm ci", Fix: &rule.Fix{
			Title: "Use npm ci", Safety: rule.Unsafe, Edits: []source.Edit{{Span: v.VerbSpan, New: "ci"}},
		}})
	}
}
