package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var aptRecommends = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-recommends",
		Aliases:  []string{"DL3015", "DS-0029", "missing-no-install-recommends", "7384dfb2-fcd1-4fbf-91cd-6c44c318c33c"},
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
	for in, v := range walk.Managers(p.File, "apt-get", "apt", "aptitude") {
		if v.Is(walk.Installs) && !simulates(v) && p.File.Shipped(in.Stage) && !v.Has("--no-install-recommends", "--without-recommends", "-R") && !slices.ContainsFunc(v.Values("-o", "--option"), noRecommends) {
			flag := "--no-install-recommends"
			if v.Manager == "aptitude" {
				flag = "--without-recommends"
			}
			p.Report(rule.Finding{Span: v.Span, Message: v.Manager + " install brings recommended packages along; add " + flag, Fix: v.Add(p.File, flag)})
		}
	}
}

func noRecommends(a dockerfile.Arg) bool {
	name, value, _ := strings.Cut(strings.ToLower(a.Text), "=")
	return name == "apt::install-recommends" && slices.Contains([]string{"false", "0", "no", "off"}, strings.Trim(value, `"`))
}
