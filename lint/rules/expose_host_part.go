package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/ports"
	"github.com/whittle-oci/whittle/lint/source"
)

var exposeHostPart = rule.Rule{
	Meta: rule.Meta{
		Name:     "expose-host-part",
		Aliases:  []string{"ExposeInvalidFormat"},
		Family:   rule.Hygiene,
		Summary:  "EXPOSE names container ports, not host ports",
		Why:      "Address and port of the host are chosen where the container is run. BuildKit ignores them here, and will refuse them in a later release.",
		Bad:      "FROM debian:12\nEXPOSE 127.0.0.1:8080:80\n",
		Good:     "FROM debian:12\nEXPOSE 80\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkExposeHostPart,
}

func checkExposeHostPart(p *rule.Pass) {
	for port := range ports.Exposed(p.File) {
		if port.Address == "" && port.Host == "" || port.In.Trigger {
			continue
		}
		if port.Container == "" {
			p.Reportf(port.Span, "an image cannot choose an address or port of the host, and a port of the container is not named")
			continue
		}
		finding := rule.Finding{Span: port.Span, Message: "an image cannot choose an address or port of the host; expose " + port.Container}
		at := strings.LastIndexByte(port.Text, ':')
		text := string(p.File.Bytes[port.Span.Start:port.Span.End])
		if text == port.Text && !strings.ContainsAny(text, "$\"'") {
			finding.Fix = &rule.Fix{Title: "Expose " + port.Text[at+1:], Edits: []source.Edit{
				{Span: source.Span{Start: port.Span.Start, End: port.Span.Start + at + 1}},
			}}
		}
		p.Report(finding)
	}
}
