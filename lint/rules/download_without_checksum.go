package rules

import (
	"fmt"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/downloads"
)

var downloadWithoutChecksum = rule.Rule{
	Meta: rule.Meta{
		Name:     "download-without-checksum",
		Family:   rule.Pins,
		Summary:  "what curl and wget download is checked",
		Why:      "What stands behind an address can change, and then something else is installed without anybody noticing. Compare a checksum (sha256sum -c) or a signature in the same RUN, or let ADD --checksum do both.\n\nA check anywhere later in the stage counts. Addresses of keys and checksums themselves, of the machine itself, and what a script only looks at are not reported; what is piped into a shell is pipe-to-shell's.",
		Bad:      "FROM debian:12\nRUN curl -fsSL https://example.test/v1.2/tool.tar.gz | tar xz -C /opt\n",
		Good:     "FROM debian:12\nRUN curl -fsSLo tool.tar.gz https://example.test/v1.2/tool.tar.gz \\\n    && echo \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  tool.tar.gz\" | sha256sum -c - \\\n    && tar xzf tool.tar.gz -C /opt\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Yields:   []string{"latest-download"},
		Presets:  []string{"recommended"},
	},
	Check: checkDownloadWithoutChecksum,
}

func checkDownloadWithoutChecksum(p *rule.Pass) {
	var all []downloads.Download
	for _, d := range downloads.Fetched(p.File) {
		if !d.Kept || interprets(d.Into) || d.Into == "gpg" || d.Into == "apt-key" || downloads.Checks(d.URL) || downloads.Local(d.URL) || downloads.Verified(p.File, d) {
			continue
		}
		all = append(all, d)
	}
	for len(all) > 0 {
		// One word for the downloads of a RUN. What gives something else every
		// day has no checksum, and is latest-download's in the first place.
		first, n := all[0], 1
		moves := downloads.Latest(first.URL) != ""
		for !moves && n < len(all) && all[n].In.Index == first.In.Index && downloads.Latest(all[n].URL) == "" {
			n++
		}
		all = all[n:]
		what := "this address gives"
		if n > 1 {
			what = fmt.Sprintf("this address and %d more of this RUN give", n-1)
		}
		p.Reportf(first.Span, "nothing checks what "+what+"; compare checksums with sha256sum -c, or use ADD --checksum")
	}
}
