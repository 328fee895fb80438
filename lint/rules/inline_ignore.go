package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
)

var inlineIgnore = rule.Rule{
	Meta: rule.Meta{
		Name:     "inline-ignore",
		Aliases:  []string{"DL1001"},
		Family:   rule.Hygiene,
		Summary:  "no comment suppresses a rule",
		Why:      "For audits: where exceptions are agreed on in the configuration, a comment that makes one is a finding. The rule is off unless it is asked for.",
		Bad:      "# hadolint ignore=DL3006\nFROM debian\n",
		Good:     "FROM debian:12\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Yields:   []string{"unexplained-ignore", "unused-ignore"},
		Presets:  []string{},
	},
	Check: checkInlineIgnore,
}

func checkInlineIgnore(p *rule.Pass) {
	for _, c := range p.File.Suppressions().Comments {
		var names []string
		for _, n := range c.Names {
			names = append(names, n.Text)
		}
		p.Reportf(c.Span, "this comment switches off "+strings.Join(names, ", "))
	}
}
