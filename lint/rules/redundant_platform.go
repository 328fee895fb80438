package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
)

var redundantPlatform = rule.Rule{
	Meta: rule.Meta{
		Name:     "redundant-platform",
		Aliases:  []string{"DL3065", "RedundantTargetPlatform"},
		Family:   rule.Hygiene,
		Summary:  "FROM --platform is not the default, the target platform",
		Why:      "A stage is for the target platform anyway. Builders without BuildKit do not know the variable and fail.",
		Bad:      "FROM --platform=$TARGETPLATFORM debian:12\n",
		Good:     "FROM debian:12\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkRedundantPlatform,
}

func checkRedundantPlatform(p *rule.Pass) {
	for i := range p.File.Stages {
		flag, ok := p.File.Instructions[p.File.Stages[i].From].Flag("platform")
		if !ok || !isTarget(flag.Value) {
			continue
		}
		p.Report(rule.Finding{Span: flag.Span, Message: "the platform is " + flag.Value + " anyway", Fix: &rule.Fix{
			Title: "Leave the flag out", Edits: edit.Word(p.File, flag.Span),
		}})
	}
}

// isTarget reports whether a platform is the target's whatever that is. The
// variable has always a value, so what stands for it does not count.
func isTarget(platform string) bool {
	if platform == "$TARGETPLATFORM" {
		return true
	}
	rest, ok := strings.CutPrefix(platform, "${TARGETPLATFORM")
	rest = strings.TrimPrefix(rest, ":")
	return ok && (rest == "}" || strings.HasPrefix(rest, "-") && strings.HasSuffix(rest, "}") && strings.Count(rest, "}") == 1)
}
