package rules

import (
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var basePlatform = rule.Rule{
	Meta: rule.Meta{
		Name:    "base-platform",
		Aliases: []string{"InvalidBaseImagePlatform"},
		Family:  rule.Pins,
		Summary: "base images are there for the platform of the build",
		Why: "An image for another platform is pulled without a word where it is the only one under its tag, and its programs then fail with `exec format error` or run under slow emulation; where the tag has several, none of them the right one, the build fails.\n\n" +
			"It is looked at with --online, for the platforms that --platform, Compose or Bake name, else for Linux on this machine's processor.",
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
		p.Reportf(walk.BaseSpan(p.File, s), base+" is there for "+strings.Join(img.Platforms, ", ")+", and the stage is for "+platforms.Format(wanted))
	}
}

// runsOn reports whether a processor runs what some platform is for, as
// BuildKit judges it: 32-bit ARM runs on 64-bit ARM.
func runsOn(list []string, wanted ocispecs.Platform) bool {
	match := platforms.Only(wanted)
	return slices.ContainsFunc(list, func(text string) bool {
		p, err := platforms.Parse(text)
		return err != nil || match.Match(p)
	})
}

// platformOf is what a stage is for: what its flag says, else what the build is
// for, else what BuildKit takes by default on this machine.
func platformOf(f *dockerfile.File, s *dockerfile.Stage) (p ocispecs.Platform, known bool) {
	here := platforms.Normalize(ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH})
	text := f.Build().Platform
	if flag, ok := f.Instructions[s.From].Flag("platform"); ok {
		switch {
		case isTarget(flag.Value):
		case flag.Value == "$BUILDPLATFORM" || flag.Value == "${BUILDPLATFORM}":
			return here, true
		default:
			if text, known = f.Expand(dockerfile.Instruction{Stage: -1}, flag.Value); !known {
				return p, false
			}
		}
	}
	if text == "" {
		return here, true
	}
	p, err := platforms.Parse(text)
	return platforms.Normalize(p), err == nil
}
