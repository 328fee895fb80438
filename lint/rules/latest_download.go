package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/downloads"
)

var latestDownload = rule.Rule{
	Meta: rule.Meta{
		Name:     "latest-download",
		Family:   rule.Pins,
		Summary:  "downloads name a version instead of latest",
		Why:      "An address such as releases/latest/download, or a file of the branch main, gives something else tomorrow. Name the version, so that the build can be repeated and a checksum can be compared.",
		Bad:      "FROM debian:12\nRUN curl -fsSLo /usr/bin/tool https://github.com/example/tool/releases/latest/download/tool\n",
		Good:     "FROM debian:12\nRUN curl -fsSLo /usr/bin/tool https://github.com/example/tool/releases/download/v1.2.3/tool\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkLatestDownload,
}

func checkLatestDownload(p *rule.Pass) {
	for _, d := range downloads.Fetched(p.File) {
		if why := downloads.Latest(d.URL); why != "" {
			p.Reportf(d.Span, "what this address gives "+why+"; name a version")
		}
	}
	for _, in := range p.File.Instructions {
		if in.Keyword != "add" {
			continue
		}
		for _, w := range in.Words() {
			address, _ := p.File.Expand(in, w.Text)
			if !strings.Contains(address, "://") {
				continue
			}
			if why := downloads.Latest(address); why != "" {
				p.Reportf(w.Span, "what this address gives "+why+"; name a version")
			}
		}
	}
}
