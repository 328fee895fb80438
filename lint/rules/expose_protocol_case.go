package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/ports"
	"github.com/whittle-oci/whittle/lint/source"
)

var exposeProtocolCase = rule.Rule{
	Meta: rule.Meta{
		Name:     "expose-protocol-case",
		Aliases:  []string{"ExposeProtoCasing"},
		Family:   rule.Hygiene,
		Summary:  "the protocol of EXPOSE is lower case",
		Why:      "The image says tcp or udp, however the Dockerfile writes it. Other readers of the Dockerfile know no other form.",
		Bad:      "FROM debian:12\nEXPOSE 53/UDP\n",
		Good:     "FROM debian:12\nEXPOSE 53/udp\n",
		Severity: rule.Style,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkExposeProtocolCase,
}

func checkExposeProtocolCase(p *rule.Pass) {
	for port := range ports.Exposed(p.File) {
		lower := strings.ToLower(port.Protocol)
		if lower == port.Protocol || !slices.Contains([]string{"tcp", "udp", "sctp"}, lower) || port.In.Trigger {
			continue
		}
		finding := rule.Finding{Span: port.Span, Message: "the protocol " + port.Protocol + " should be " + lower}
		if strings.HasSuffix(port.Text, "/"+port.Protocol) {
			span := source.Span{Start: port.Span.End - len(port.Protocol), End: port.Span.End}
			if string(p.File.Bytes[span.Start:span.End]) == port.Protocol {
				finding.Span = span
				finding.Fix = &rule.Fix{Title: "Write " + lower, Edits: []source.Edit{{Span: span, New: lower}}}
			}
		}
		p.Report(finding)
	}
}
