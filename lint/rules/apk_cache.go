package rules

import (
	"slices"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var apkCache = rule.Rule{
	Meta: rule.Meta{
		Name:     "apk-cache",
		Aliases:  []string{"DL3019", "DS-0025", "DKL-DI-0004", "missing-apk-no-cache", "ae9c56a6-3ed1-4ac0-9b54-31267f51151d"},
		Family:   rule.Fat,
		Summary:  "apk add leaves no package index in the layer",
		Why:      "Without --no-cache, apk keeps the package index in the layer, unless a cache is mounted there: RUN --mount=type=cache,target=/var/cache/apk. Where the same RUN deletes it again, --no-cache is shorter, and the finding a matter of style.",
		Bad:      "FROM alpine:3.20\nRUN apk add curl\n",
		Good:     "FROM alpine:3.20\nRUN apk add --no-cache curl\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkApkCache,
}

func checkApkCache(p *rule.Pass) {
	for in, v := range walk.Managers(p.File, "apk") {
		if !v.Is(walk.Installs) || v.Has("--no-cache", "--no-network") || !p.File.Shipped(in.Stage) || walk.Mounted(p.File, in, "/var/cache/apk") || walk.Mounted(p.File, in, "/etc/apk/cache") {
			continue
		}
		finding := rule.Finding{Span: v.Span, Message: "apk add keeps its index in the layer; add --no-cache", Fix: noCache(p.File, v)}
		if slices.ContainsFunc(p.File.Commands(in), func(c dockerfile.Command) bool {
			return c.Span.Start > v.Span.Start && walk.Removes(c, "/var/cache/apk")
		}) {
			finding.Message, finding.Minor = "with --no-cache, apk add would leave no index to delete", true
		}
		p.Report(finding)
	}
}

// noCache adds --no-cache, in place of a flag that asks for a new index: that
// goes without saying then.
func noCache(f *dockerfile.File, v walk.Invocation) *rule.Fix {
	fix := v.Add(f, "--no-cache")
	for _, a := range v.Args {
		if slices.Contains([]string{"-U", "--update", "--update-cache"}, a.Text) && string(f.Bytes[a.Span.Start:a.Span.End]) == a.Text {
			fix.Edits = []source.Edit{{Span: a.Span, New: "--no-cache"}}
			break
		}
	}
	return fix
}
