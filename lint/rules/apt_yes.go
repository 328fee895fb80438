package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var aptYes = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-yes",
		Aliases:  []string{"DL3014", "DS-0021", "missing-assume-yes-switch", "77783205-c4ca-4f80-bb80-c777f267c547"},
		Family:   rule.Hygiene,
		Summary:  "apt-get install does not prompt",
		Why:      "A build has nobody to answer when apt asks, which it does as soon as it needs more packages than those named or has to remove one: the install fails then, perhaps not before a later release of the package.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAptYes,
}

func checkAptYes(p *rule.Pass) {
	for _, v := range walk.Managers(p.File, "apt-get", "apt", "aptitude") {
		if v.Is(walk.Installs) && !saysYes(v) {
			p.Report(rule.Finding{Span: v.Span, Message: v.Manager + " install stops to ask when it needs more than what is named; add -y", Fix: v.Add(p.File, "-y")})
		}
	}
}

// simulates reports whether apt only says what it would do.
func simulates(v walk.Invocation) bool {
	return v.Has("-s", "--simulate", "--just-print", "--dry-run", "--recon", "--no-act")
}

// saysYes reports whether apt is told not to ask: quiet at level two says so,
// too (apt-get(8)).
func saysYes(v walk.Invocation) bool {
	level := v.Count("-q", "--quiet")
	for _, a := range v.Values("-q", "--quiet") {
		if a.Text >= "2" {
			level = 2
		}
	}
	return level >= 2 || v.Has("-y", "--yes", "--assume-yes") || simulates(v) ||
		slices.ContainsFunc(v.Values("-o", "--option"), func(a dockerfile.Arg) bool {
			return strings.HasPrefix(strings.ToLower(a.Text), "apt::get::assume-yes=")
		})
}
