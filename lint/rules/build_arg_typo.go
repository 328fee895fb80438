package rules

import (
	"maps"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/suggest"
)

var buildArgTypo = rule.Rule{
	Meta: rule.Meta{
		Name:    "build-arg-typo",
		Family:  rule.Hygiene,
		Summary: "build arguments match a declared ARG",
		Why: "BuildKit says nothing of a build argument that no ARG takes: the default stays in force, and nobody notices. Arguments are those of --build-arg, Compose and Bake; one that has the name of no ARG is reported where an ARG that gets no value is called nearly the same.\n\n" +
			"The examples are for a build with `--build-arg GOVERSION=1.26`.",
		Bad:      "FROM debian:12\nARG GO_VERSION=1.25\nRUN fetch go-${GO_VERSION}\n",
		Good:     "FROM debian:12\nARG GOVERSION=1.25\nRUN fetch go-${GOVERSION}\n",
		Severity: rule.Warning,
		Presets:  []string{"recommended"},
	},
	Check: checkBuildArgTypo,
}

func checkBuildArgTypo(p *rule.Pass) {
	given := p.File.Build().Args
	if len(given) == 0 {
		return
	}
	taken, left := map[string]bool{}, map[string]dockerfile.Pair{}
	for _, in := range p.File.Instructions {
		if in.Keyword != "arg" {
			continue
		}
		for _, pair := range in.Pairs() {
			taken[pair.Key] = true
			_, has := given[pair.Key]
			if _, again := left[pair.Key]; !has && !again {
				left[pair.Key] = pair
			}
		}
	}
	names := slices.Sorted(maps.Keys(left))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if taken[name] || len(name) < minNear || predefined(name) {
			continue
		}
		for _, near := range names {
			if suggest.Slip(name, near) {
				p.Reportf(left[near].Span, "the build gives "+name+", which no ARG takes; did you mean "+near+"?")
				break
			}
		}
	}
}

// minNear is the length from which names that are nearly the same are no
// accident.
const minNear = 5

// predefined reports whether BuildKit takes an argument without an ARG
// (docs.docker.com/reference/dockerfile, predefined ARGs).
func predefined(name string) bool {
	return strings.HasPrefix(name, "BUILDKIT_") || strings.HasSuffix(strings.ToLower(name), "_proxy") || name == "SOURCE_DATE_EPOCH"
}
