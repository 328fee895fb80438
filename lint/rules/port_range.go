package rules

import (
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/ports"
)

var portRange = rule.Rule{
	Meta: rule.Meta{
		Name:     "port-range",
		Aliases:  []string{"DL3011", "DS-0008", "71bf8cf8-f0a1-42fa-b9d2-d10525e0a38e", "invalid-port"},
		Family:   rule.Hygiene,
		Summary:  "exposed ports are between 0 and 65535",
		Why:      "There are no other ports. BuildKit refuses the file.",
		Bad:      "FROM debian:12\nEXPOSE 80000\n",
		Good:     "FROM debian:12\nEXPOSE 8000\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkPortRange,
}

func checkPortRange(p *rule.Pass) {
	for port := range ports.Exposed(p.File) {
		first, last, isRange := strings.Cut(port.Container, "-")
		for _, number := range []string{first, last} {
			if n, err := strconv.Atoi(number); err == nil && n > 65535 {
				p.Reportf(port.Span, "there is no port "+number+"; the last is 65535")
			}
		}
		a, errA := strconv.Atoi(first)
		b, errB := strconv.Atoi(last)
		if isRange && errA == nil && errB == nil && a > b {
			p.Reportf(port.Span, "the range "+port.Container+" ends before it begins")
		}
	}
}
