package rules

import (
	"path"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var npmCi = rule.Rule{
	Meta: rule.Meta{
		Name:     "npm-ci",
		Aliases:  []string{"DF031"},
		Family:   rule.Pins,
		Summary:  "npm installs from the lock file",
		Why:      "npm install may change the lock file and take newer versions than it names. npm ci installs exactly those, and fails when package.json asks for others.",
		Bad:      "FROM node:22-slim\nCOPY package.json package-lock.json ./\nRUN npm install\n",
		Good:     "FROM node:22-slim\nCOPY package.json package-lock.json ./\nRUN npm ci\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
	},
	Check: checkNpmCi,
}

func checkNpmCi(p *rule.Pass) {
	var locked []bool
	for in, v := range walk.Managers(p.File, "npm") {
		if !v.Is(walk.Installs) || len(v.Packages) > 0 || v.Has("-g", "--global", "--location", "--package-lock-only") {
			continue
		}
		fix := &rule.Fix{Title: "Use npm ci", Safety: rule.Suggestion, Edits: []source.Edit{{Span: v.VerbSpan, New: "ci"}}}
		if locked == nil {
			locked = walk.Before(p.File, copiesLock)
		}
		if locked[in.Index] {
			fix.Safety = rule.Unsafe
		}
		p.Report(rule.Finding{Span: v.Span, Message: "npm install may take other versions than the lock file names; use npm ci", Fix: fix})
	}
}

// copiesLock reports whether a lock file has been copied by name. npm ci fails
// without one.
func copiesLock(in dockerfile.Instruction, before bool) bool {
	c, ok := in.Command.(*instructions.CopyCommand)
	return before || ok && slices.ContainsFunc(c.SourcePaths, func(name string) bool {
		return path.Base(name) == "package-lock.json" || path.Base(name) == "npm-shrinkwrap.json"
	})
}
