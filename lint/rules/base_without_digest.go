package rules

import (
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var baseWithoutDigest = rule.Rule{
	Meta: rule.Meta{
		Name:     "base-without-digest",
		Aliases:  []string{"dockerfile-source-not-pinned"},
		Family:   rule.Pins,
		Summary:  "every base image is pinned to a digest",
		Why:      "A tag can be moved, by its owner or by whoever takes over the account. A digest cannot: what was checked is what is built on. Keep the tag beside it, for people and for tools that move pins such as Renovate and Dependabot.\n\n`whittle pin` writes the digests; with --online the fix does, too.",
		Bad:      "FROM debian:12.7\nUSER 10001\n",
		Good:     "FROM debian:12.7@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nUSER 10001\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkBaseWithoutDigest,
}

func checkBaseWithoutDigest(p *rule.Pass) {
	for _, ref := range p.File.ImageRefs() {
		if ref.Kind != dockerfile.FromRef || !ref.Known {
			continue
		}
		// Those without a tag have rules of their own.
		if name, tag, digest := walk.Image(ref.Text); digest == "" && tag != "" && tag != "latest" {
			p.Report(rule.Finding{Span: ref.Span, Message: "the base image " + name + ":" + tag + " is not pinned to a digest, so it can change under you; " + howToPin(ref), Fix: pinFix(p, ref)})
		}
	}
}

// howToPin says who writes the digest, or why nobody does.
func howToPin(ref dockerfile.ImageRef) string {
	if ref.Writable() {
		return "whittle pin writes it"
	}
	return "whittle pin leaves it: " + ref.Why
}

// pinFix writes the digest that a registry tells, where one may be asked.
func pinFix(p *rule.Pass, ref dockerfile.ImageRef) *rule.Fix {
	if p.Images == nil || !ref.Writable() {
		return nil
	}
	img, ok := p.Images.Image(ref.Text)
	if !ok || img.Digest == "" {
		return nil
	}
	return &rule.Fix{Title: "Pin to " + img.Digest, Safety: rule.Unsafe, Edits: []source.Edit{{
		Span: source.Span{Start: ref.Place.End, End: ref.Place.End}, New: "@" + img.Digest,
	}}}
}
