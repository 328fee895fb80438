package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var addWithoutChecksum = rule.Rule{
	Meta: rule.Meta{
		Name:     "add-without-checksum",
		Family:   rule.Pins,
		Summary:  "ADD of a URL names its checksum",
		Why:      "What stands behind a URL can change. ADD --checksum makes the build fail when it does.",
		Bad:      "FROM debian:12\nADD https://example.test/tool.tar.gz /opt/\n",
		Good:     "FROM debian:12\nADD --checksum=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef https://example.test/tool.tar.gz /opt/\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkAddWithoutChecksum,
}

func checkAddWithoutChecksum(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.AddCommand)
		if !ok || c.Checksum != "" {
			continue
		}
		for _, s := range c.SourcePaths {
			if (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) && !strings.HasSuffix(s, ".git") && !strings.Contains(s, ".git#") {
				span, _ := in.Find(s)
				p.Reportf(span, "what this URL gives can change; add --checksum=sha256:…")
			}
		}
	}
}
