package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var apkCache = rule.Rule{
	Meta: rule.Meta{
		Name:     "apk-cache",
		Aliases:  []string{"DL3019", "DS-0025", "DKL-DI-0004"},
		Family:   rule.Fat,
		Summary:  "apk add leaves no index behind",
		Why:      "Without --no-cache, apk keeps the package index in the layer.",
		Bad:      "FROM alpine:3.20\nRUN apk add curl\n",
		Good:     "FROM alpine:3.20\nRUN apk add --no-cache curl\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkApkCache,
}

func checkApkCache(p *rule.Pass) {
	for in, c := range walk.Commands(p.File) {
		if _, ok := walk.Install(c, "apk"); !ok || c.HasFlag("--no-cache") || !p.File.Shipped(in.Stage) || strings.Contains(in.Text.Text, "type=cache") {
			continue
		}
		verb, _ := walk.Verb(c)
		p.Report(rule.Finding{Span: c.Span, Message: "apk add keeps its index in the layer; add --no-cache", Fix: &rule.Fix{
			Title: "Add --no-cache", Safety: rule.Unsafe, Edits: []source.Edit{{Span: walk.After(verb), New: " --no-cache"}},
		}})
	}
}
