package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var aptRecommends = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-recommends",
		Aliases:  []string{"DL3015", "DS-0029"},
		Family:   rule.Fat,
		Summary:  "apt-get install brings no recommended packages",
		Why:      "Recommended packages are for people at a desk. They often double what an install brings along.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAptRecommends,
}

func checkAptRecommends(p *rule.Pass) {
	for in, c := range walk.Commands(p.File) {
		if _, ok := walk.Install(c, "apt-get", "apt"); !ok || c.HasFlag("--no-install-recommends") || !p.File.Shipped(in.Stage) {
			continue
		}
		verb, _ := walk.Verb(c)
		p.Report(rule.Finding{Span: c.Span, Message: "apt-get install brings recommended packages along; add --no-install-recommends", Fix: &rule.Fix{
			Title: "Add --no-install-recommends", Safety: rule.Unsafe, Edits: []source.Edit{{Span: walk.After(verb), New: " --no-install-recommends"}},
		}})
	}
}
