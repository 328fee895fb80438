package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/downloads"
	"github.com/whittle-oci/whittle/lint/source"
)

var httpDownload = rule.Rule{
	Meta: rule.Meta{
		Name:     "http-download",
		Family:   rule.Secrets,
		Summary:  "downloads use HTTPS",
		Why:      "Whoever stands between the build and the server can put something else in place of what is downloaded over plain HTTP. Use https, or compare a checksum. Package archives of distributions, whose packages are signed, are not asked for here.",
		Bad:      "FROM debian:12\nRUN curl -fsSLo /tmp/x.tar.gz http://example.test/x.tar.gz\n",
		Good:     "FROM debian:12\nRUN curl -fsSLo /tmp/x.tar.gz https://example.test/x.tar.gz\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkHTTPDownload,
}

func checkHTTPDownload(p *rule.Pass) {
	for _, d := range downloads.Fetched(p.File) {
		if d.Kept && !downloads.Local(d.URL) && !downloads.Verified(p.File, d) {
			plainHTTP(p, d.URL, d.Span)
		}
	}
	for _, in := range p.File.Instructions {
		if in.Keyword != "add" {
			continue
		}
		if sum, ok := in.Flag("checksum"); ok && sum.Value != "" {
			continue
		}
		words := in.Words()
		for i, w := range words {
			if i < len(words)-1 {
				address, _ := p.File.Expand(in, w.Text)
				plainHTTP(p, address, w.Span)
			}
		}
	}
}

// plainHTTP reports an address without TLS. Where it stands in the file as it
// is, the fix is one letter: whether the server answers there is not known.
func plainHTTP(p *rule.Pass, address string, span source.Span) {
	const scheme = "http://"
	if !strings.HasPrefix(address, scheme) {
		return
	}
	finding := rule.Finding{Span: span, Message: "this download goes over plain HTTP, where anyone in between can change it; use https"}
	raw := string(p.File.Bytes[span.Start:span.End])
	if i := strings.Index(raw, scheme); i >= 0 && i < 2 && mayHaveTLS(address[len(scheme):]) {
		at := span.Start + i + len("http")
		finding.Fix = &rule.Fix{Title: "Use https", Safety: rule.Unsafe, Edits: []source.Edit{{Span: source.Span{Start: at, End: at}, New: "s"}}}
	}
	p.Report(finding)
}

// mayHaveTLS reports whether an address without its scheme is at a public host
// that is not known to have none. A port is that of plain HTTP.
func mayHaveTLS(address string) bool {
	host, _, _ := strings.Cut(address, "/")
	return strings.Contains(host, ".") && !strings.ContainsAny(host, ":$") && !slices.ContainsFunc(plainHosts, func(h string) bool { return withinHost(host, h) })
}

// plainHosts are known to answer over plain HTTP only.
var plainHosts = []string{"archive.ubuntu.com", "security.ubuntu.com", "ports.ubuntu.com", "old-releases.ubuntu.com", "ftp.debian.org", "httpredir.debian.org", "mirror.centos.org"}

// withinHost reports whether a host is another, or a mirror of it such as
// us.archive.ubuntu.com or ftp.us.debian.org.
func withinHost(at, host string) bool {
	first, rest, _ := strings.Cut(host, ".")
	return at == host || strings.HasSuffix(at, "."+host) || first == "ftp" && strings.HasPrefix(at, "ftp.") && strings.HasSuffix(at, "."+rest)
}
