package rules

import (
	_ "crypto/sha256" // digests are read by the algorithms that are linked
	_ "crypto/sha512"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var invalidDefaultBase = rule.Rule{
	Meta: rule.Meta{
		Name:     "invalid-default-base",
		Aliases:  []string{"InvalidDefaultArgInFrom"},
		Family:   rule.Hygiene,
		Summary:  "FROM is a valid image when no build argument is set",
		Why:      "Without build arguments, or with an ARG that nobody gave a default, the name of the base image is empty or not one. The build fails with a message about the name and not about the argument. What Compose, Bake or --build-arg give counts. Where that is meant, ignore the rule and say so.",
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
		if base, known := p.File.BaseName(s); known && given(p.File, s) {
			name = base // as Compose, Bake or the command line say it is built
		}
		if _, err := reference.ParseNormalizedNamed(name); err != nil {
			p.Reportf(walk.BaseSpan(p.File, s), invalidBase(p.File, s, name))
		}
	}
}

// given reports whether the build gives an argument that is in a base's name.
func given(f *dockerfile.File, s *dockerfile.Stage) bool {
	for ref := range f.Refs(s.BaseName) {
		if _, ok := f.Build().Args[ref.Name]; ok {
			return true
		}
	}
	return false
}

// invalidBase says what is wrong with the name of a base image, and which
// arguments would mend it.
func invalidBase(f *dockerfile.File, s *dockerfile.Stage, name string) string {
	word := f.Instructions[s.From].Words()[0]
	if !strings.Contains(word.Text, "$") {
		return name + " is no image name: those are in lower case, with letters, digits and . _ - / only"
	}
	var missing []string
	for ref := range f.Refs(word.Text) {
		if !slices.Contains(missing, ref.Name) && !hasDefault(f, ref.Name) {
			missing = append(missing, ref.Name)
		}
	}
	message := "without build arguments the base image is called \"" + name + "\", which is no image name"
	if len(missing) > 0 {
		message += "; give ARG " + strings.Join(missing, " and ") + " a default"
	}
	return message
}

// hasDefault reports whether an ARG before the first FROM has a value.
func hasDefault(f *dockerfile.File, name string) bool {
	return slices.ContainsFunc(f.Instructions, func(in dockerfile.Instruction) bool {
		return in.Stage < 0 && in.Keyword == "arg" && slices.ContainsFunc(in.Pairs(), func(p dockerfile.Pair) bool {
			return p.Key == name && p.HasValue && p.Value != ""
		})
	})
}
