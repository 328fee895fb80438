package rules

import (
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var addWithoutChecksum = rule.Rule{
	Meta: rule.Meta{
		Name:     "add-without-checksum",
		Aliases:  []string{"4b410d24-1cbe-4430-a632-62c9a931cf1c"},
		Family:   rule.Pins,
		Summary:  "ADD of a URL has a checksum",
		Why:      "What stands behind a URL can change. ADD --checksum makes the build fail when it does. `whittle pin` writes the checksum of what the URL gives now, and so does the fix with --online; where the publisher tells the checksum, hold the two against each other.",
		Bad:      "FROM debian:12\nADD https://example.test/tool.tar.gz /opt/\n",
		Good:     "FROM debian:12\nADD --checksum=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef https://example.test/tool.tar.gz /opt/\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Yields:   []string{"latest-download"},
		Presets:  []string{"recommended"},
	},
	Check: checkAddWithoutChecksum,
}

func checkAddWithoutChecksum(p *rule.Pass) {
	for _, d := range p.File.Downloads() {
		if d.Checksum != "" {
			continue
		}
		finding := rule.Finding{Span: d.Span, Message: "what this URL gives can change; add --checksum=sha256:…"}
		if _, ok := d.Check(""); ok {
			finding.Message += ", or let whittle pin write it"
			finding.Fix = checksumFix(p, d)
		}
		p.Report(finding)
	}
}

// checksumFix has ADD check for what the URL gives now, where that may be asked.
func checksumFix(p *rule.Pass, d dockerfile.Download) *rule.Fix {
	if p.Downloads == nil {
		return nil
	}
	checksum, ok := p.Downloads.Checksum(d.URL)
	if !ok {
		return nil
	}
	e, _ := d.Check(checksum)
	return &rule.Fix{Title: "Check for " + checksum, Safety: rule.Unsafe, Edits: []source.Edit{e}}
}
