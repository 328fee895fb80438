package rules

import (
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var syntaxWithoutDigest = rule.Rule{
	Meta: rule.Meta{
		Name:     "syntax-without-digest",
		Family:   rule.Pins,
		Summary:  "the frontend of the syntax line is pinned to a digest",
		Why:      "The image of the syntax line is the program that reads the Dockerfile and decides what is built. Pinned, it is the same program everywhere; unpinned, it gets fixed by itself, which is why this rule is in no preset but strict.\n\n`whittle pin` writes the digest; with --online the fix does, too.",
		Bad:      "# syntax=docker/dockerfile:1\nFROM scratch\n",
		Good:     "# syntax=docker/dockerfile:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nFROM scratch\n",
		Severity: rule.Style,
		Fixable:  rule.Sometimes,
		Presets:  []string{},
	},
	Check: checkSyntaxWithoutDigest,
}

func checkSyntaxWithoutDigest(p *rule.Pass) {
	for _, ref := range p.File.ImageRefs() {
		if ref.Kind != dockerfile.SyntaxRef {
			continue
		}
		if _, _, digest := walk.Image(ref.Text); digest == "" {
			p.Report(rule.Finding{Span: ref.Span, Message: "the frontend " + ref.Text + " is not pinned to a digest, so another program may read the file tomorrow", Fix: pinFix(p, ref)})
		}
	}
}
