package rules

import (
	"bytes"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var maintainerUsed = rule.Rule{
	Meta: rule.Meta{
		Name:     "maintainer",
		Aliases:  []string{"DL4000", "MaintainerDeprecated", "DS-0022", "CKV_DOCKER_6", "99614418-f82b-4852-a9ae-5051402b741c", "maintainer-is-deprecated"},
		Family:   rule.Hygiene,
		Summary:  "MAINTAINER is not used",
		Why:      "MAINTAINER was replaced by labels years ago; tools look for org.opencontainers.image.authors. The fix is called unsafe because the author moves from one field of the image's configuration to another.",
		Bad:      "FROM debian:12\nMAINTAINER Ann <ann@example.test>\n",
		Good:     "FROM debian:12\nLABEL org.opencontainers.image.authors=\"Ann <ann@example.test>\"\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkMaintainerUsed,
}

func checkMaintainerUsed(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "maintainer" {
			continue
		}
		finding := rule.Finding{Span: in.KeywordSpan(), Message: "MAINTAINER is deprecated; write LABEL org.opencontainers.image.authors=…"}
		words := in.Words()
		if len(words) == 1 && !bytes.ContainsRune(p.File.Bytes[words[0].Span.Start:words[0].Span.End], '\n') {
			escape := string(p.File.Escape)
			quoted := strings.NewReplacer(escape, escape+escape, `"`, escape+`"`, `$`, escape+`$`).Replace(author(words[0].Text))
			finding.Fix = &rule.Fix{Title: "Write it as a label", Safety: rule.Unsafe, Edits: []source.Edit{
				{Span: in.KeywordSpan(), New: "LABEL"},
				{Span: words[0].Span, New: `org.opencontainers.image.authors="` + quoted + `"`},
			}}
		}
		p.Report(finding)
	}
}

// author is a name without the quotes around it, or around the part before its
// address.
func author(text string) string {
	for _, quote := range []string{`"`, "'"} {
		if rest, ok := strings.CutPrefix(text, quote); ok {
			if name, address, ok := strings.Cut(rest, quote); ok && !strings.Contains(address, quote) {
				return name + address
			}
		}
	}
	return text
}
