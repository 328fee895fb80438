package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var curlInsecure = rule.Rule{
	Meta: rule.Meta{
		Name:     "curl-insecure",
		Aliases:  []string{"CKV2_DOCKER_2"},
		Family:   rule.Secrets,
		Summary:  "curl verifies TLS certificates",
		Why:      "With -k curl does not verify the certificate of the server, so that anyone in between can change the download. Give it the certificate of the server's authority with --cacert instead, or install that into the image.",
		Bad:      "FROM debian:12\nRUN curl -fsSLk https://example.test/x -o /x\n",
		Good:     "FROM debian:12\nRUN curl -fsSL https://example.test/x -o /x\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkCurlInsecure,
}

// curlValues are the letters of curl's flags that take the rest of their word,
// or the next one.
const curlValues = "AbcCdDeEFhHKmoPQrtTuUwxXyYz"

func checkCurlInsecure(p *rule.Pass) {
	unverified.Arguments(p, unverified.Flag([]string{"curl"}, "--insecure", "--proxy-insecure", "--doh-insecure"), "skips TLS verification, so that anyone in between can change the download")
	for _, c := range walk.Commands(p.File) {
		if c.Name != "curl" {
			continue
		}
		for i, a := range c.Args {
			if !hasLetter(a.Text, 'k', curlValues) {
				continue
			}
			finding := rule.Finding{Span: a.Span, Message: "curl " + a.Text + " skips TLS verification, so that anyone in between can change the download"}
			if edits := edit.Letter(p.File, c, i, 'k'); edits != nil {
				finding.Fix = &rule.Fix{Title: "Remove -k", Safety: rule.Unsafe, Edits: edits}
			}
			p.Report(finding)
		}
	}
}

// hasLetter reports whether a word is a short flag with a letter in it, before
// one that takes the rest of the word as its value.
func hasLetter(word string, letter byte, values string) bool {
	if len(word) < 2 || word[0] != '-' || word[1] == '-' {
		return false
	}
	for i := 1; i < len(word); i++ {
		switch {
		case word[i] == letter:
			return true
		case strings.IndexByte(values, word[i]) >= 0:
			return false
		}
	}
	return false
}
