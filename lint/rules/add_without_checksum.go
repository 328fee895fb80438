package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
)

var addWithoutChecksum = rule.Rule{
	Meta: rule.Meta{
		Name:     "add-without-checksum",
		Aliases:  []string{"4b410d24-1cbe-4430-a632-62c9a931cf1c"},
		Family:   rule.Pins,
		Summary:  "ADD of a URL names its checksum",
		Why:      "What stands behind a URL can change. ADD --checksum makes the build fail when it does.",
		Bad:      "FROM debian:12\nADD https://example.test/tool.tar.gz /opt/\n",
		Good:     "FROM debian:12\nADD --checksum=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef https://example.test/tool.tar.gz /opt/\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Yields:   []string{"latest-download"},
		Presets:  []string{"recommended"},
	},
	Check: checkAddWithoutChecksum,
}

func checkAddWithoutChecksum(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "add" {
			continue
		}
		if sum, ok := in.Flag("checksum"); ok && sum.Value != "" {
			continue
		}
		words := in.Words()
		for i, w := range words {
			address, _ := p.File.Expand(in, w.Text)
			if i < len(words)-1 && (strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")) && !repository(address) {
				p.Reportf(w.Span, "what this URL gives can change; add --checksum=sha256:…")
			}
		}
	}
}
