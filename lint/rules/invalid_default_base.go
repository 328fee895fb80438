package rules

import (
	_ "crypto/sha256" // digests are read by the algorithms that are linked
	_ "crypto/sha512"

	"github.com/distribution/reference"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var invalidDefaultBase = rule.Rule{
	Meta: rule.Meta{
		Name:     "invalid-default-base",
		Aliases:  []string{"InvalidDefaultArgInFrom"},
		Family:   rule.Hygiene,
		Summary:  "FROM names an image in a build without arguments",
		Why:      "Without build arguments, or with an ARG that nobody gave a default, the name of the base image is empty or not one. The build fails with a message about the name and not about the argument. Where that is meant, ignore the rule and say so.",
		Bad:      "ARG VERSION\nFROM debian:${VERSION}\n",
		Good:     "ARG VERSION=12\nFROM debian:${VERSION}\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkInvalidDefaultBase,
}

func checkInvalidDefaultBase(p *rule.Pass) {
	for i := range p.File.Stages {
		s := &p.File.Stages[i]
		name, ok := p.File.DefaultBase(s)
		if !ok {
			return // BuildKit stops here too
		}
		if _, err := reference.ParseNormalizedNamed(name); err != nil {
			p.Reportf(walk.BaseSpan(p.File, s), "without build arguments the base image is called \""+name+"\", which is no image name")
		}
	}
}
