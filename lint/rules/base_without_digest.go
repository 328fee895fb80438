package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var baseWithoutDigest = rule.Rule{
	Meta: rule.Meta{
		Name:     "base-without-digest",
		Family:   rule.Pins,
		Summary:  "every base image is pinned to a digest",
		Why:      "A tag can be moved, by its owner or by whoever takes over the account. A digest cannot: what was checked is what is built on.",
		Bad:      "FROM debian:12.7\nUSER 10001\n",
		Good:     "FROM debian:12.7@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nUSER 10001\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkBaseWithoutDigest,
}

func checkBaseWithoutDigest(p *rule.Pass) {
	for stage, image := range walk.Bases(p.File) {
		name, tag, digest := walk.Image(image)
		if digest == "" && tag != "" && tag != "latest" {
			p.Reportf(walk.BaseSpan(p.File, stage), "the base image "+name+":"+tag+" is not pinned to a digest, so it can change under you")
		}
	}
}
