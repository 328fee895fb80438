package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
)

var updateAlone = rule.Rule{
	Meta: rule.Meta{
		Name:     "update-alone",
		Aliases:  []string{"DS-0017", "CIS-DI-0007", "CKV_DOCKER_5"},
		Family:   rule.Hygiene,
		Summary:  "a package index is updated in the RUN that uses it",
		Why:      "A RUN that only updates the index is cached. Later builds install from an index that is weeks old, or fail because the archive has moved on.",
		Bad:      "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkUpdateAlone,
}

func checkUpdateAlone(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "run" || strings.Contains(in.Text.Text, "type=cache") {
			continue
		}
		var update *dockerfile.Command
		installs := false
		for _, c := range p.File.Commands(in) {
			if (c.Name == "apt-get" || c.Name == "apt" || c.Name == "apk" || c.Name == "yum" || c.Name == "dnf") && c.Has("update") && c.Name != "yum" && c.Name != "dnf" {
				update = &c
			} else if slices.Contains([]string{"apt-get", "apt", "apk", "yum", "dnf", "aptitude"}, c.Name) || !slices.Contains([]string{"rm", "echo", "true", "set", "apt-key"}, c.Name) {
				installs = true
			}
		}
		if update != nil && !installs {
			p.Reportf(update.Span, "the index is updated alone and then cached; install in the same RUN")
		}
	}
}
