package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var untaggedBase = rule.Rule{
	Meta: rule.Meta{
		Name:     "untagged-base",
		Aliases:  []string{"DL3006", "DS-0001", "DKL-DI-0006", "CKV_DOCKER_7", "9efb0b2d-89c9-41a3-91ca-dcc0aec911fd", "missing-image-version"},
		Family:   rule.Pins,
		Summary:  "every base image has a tag or a digest",
		Why:      "Without a tag the base is whatever latest is on the day of the build, and tomorrow's build is another image. ARGs before FROM are filled in with their defaults; what only a build argument can tell is left alone.",
		Bad:      "FROM debian\nUSER 10001\n",
		Good:     "FROM debian:12.7\nUSER 10001\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Yields:   []string{"invalid-default-base"},
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkUntaggedBase,
}

func checkUntaggedBase(p *rule.Pass) {
	for stage, image := range walk.Bases(p.File) {
		name, tag, digest := walk.Image(image)
		if tag == "" && digest == "" {
			p.Reportf(walk.BaseSpan(p.File, stage), "the base image "+name+" has no tag, so it is latest, which changes under you; name a version and a digest")
		}
	}
}
