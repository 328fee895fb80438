package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var basePlatform = rule.Rule{
	Meta: rule.Meta{
		Name:    "base-platform",
		Aliases: []string{"InvalidBaseImagePlatform"},
		Family:  rule.Hygiene,
		Summary: "base images support the target platform",
		Why: "An image for another platform is pulled without a word where it is the only one under its tag, and its programs then fail with `exec format error` or run under slow emulation; where the tag has several, none of them the right one, the build fails.\n\n" +
			"It is looked at with --online, for the platforms that --platform, Compose or Bake name, else for Linux on this machine's processor.",
		Bad:      "FROM --platform=linux/amd64 arm64v8/debian:12\n",
		Good:     "FROM --platform=linux/arm64 arm64v8/debian:12\n",
		Severity: rule.Warning,
		Presets:  []string{"recommended"},
	},
	Check: checkBasePlatform,
}

func checkBasePlatform(p *rule.Pass) {
	if p.Images == nil {
		return
	}
	for i := range p.File.Stages {
		s := &p.File.Stages[i]
		base, known := p.File.BaseName(s)
		if !known || s.Parent >= 0 || base == "scratch" {
			continue
		}
		wanted, known := platformOf(p.File, s)
		if !known {
			continue
		}
		img, ok := p.Images.Image(base)
		if !ok || len(img.Platforms) == 0 || runsOn(img.Platforms, wanted) {
			continue
		}
		p.Reportf(walk.BaseSpan(p.File, s), base+" is there for "+strings.Join(img.Platforms, ", ")+", and the stage is for "+wanted.String())
	}
}

// runsOn reports whether a platform runs what is there for one of a list. One
// that is not understood may.
func runsOn(list []string, wanted dockerfile.Platform) bool {
	return slices.ContainsFunc(list, func(text string) bool {
		p, ok := dockerfile.ParsePlatform(text)
		return !ok || wanted.Runs(p)
	})
}

// platformOf is what a stage is for: what its flag says, else what the build is
// for, else what BuildKit takes by default on this machine.
func platformOf(f *dockerfile.File, s *dockerfile.Stage) (p dockerfile.Platform, known bool) {
	text := f.Build().Platform
	if flag, ok := f.Instructions[s.From].Flag("platform"); ok {
		switch {
		case isTarget(flag.Value):
		case flag.Value == "$BUILDPLATFORM" || flag.Value == "${BUILDPLATFORM}":
			return dockerfile.Here(), true
		default:
			if text, known = f.Expand(dockerfile.Instruction{Stage: -1}, flag.Value); !known {
				return p, false
			}
		}
	}
	if text == "" {
		return dockerfile.Here(), true
	}
	return dockerfile.ParsePlatform(text)
}
