package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var latestBase = rule.Rule{
	Meta: rule.Meta{
		Name:     "latest-base",
		Aliases:  []string{"DL3007", "DS-0001", "DKL-DI-0006", "CKV_DOCKER_7", "f45ea400-6bbe-4501-9fc7-1c3d75c32067", "avoid-latest-version"},
		Family:   rule.Pins,
		Summary:  "no base image uses the tag latest",
		Why:      "latest is whatever was pushed last. A build that worked yesterday may not tomorrow, and nobody can say what is in the image.",
		Bad:      "FROM debian:latest\nUSER 10001\n",
		Good:     "FROM debian:12.7\nUSER 10001\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkLatestBase,
}

func checkLatestBase(p *rule.Pass) {
	for stage, image := range walk.Bases(p.File) {
		name, tag, digest := walk.Image(image)
		if tag == "latest" && digest == "" {
			p.Reportf(walk.BaseSpan(p.File, stage), "the base image "+name+" is latest, which changes under you; name a version and a digest")
		}
	}
}
