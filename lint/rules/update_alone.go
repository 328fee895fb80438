package rules

import (
	"slices"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var updateAlone = rule.Rule{
	Meta: rule.Meta{
		Name:     "update-alone",
		Aliases:  []string{"DS-0017", "CIS-DI-0007", "CKV_DOCKER_5", "9bae49be-0aa3-4de5-bab2-4c3a069e40cd"},
		Family:   rule.Hygiene,
		Summary:  "package lists are updated in the RUN that installs from them",
		Why:      "A RUN that only updates the index is cached. Later builds install from an index that is weeks old, or fail because the archive has moved on.",
		Bad:      "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkUpdateAlone,
}

func checkUpdateAlone(p *rule.Pass) {
	for i, in := range p.File.Instructions {
		update, alone := onlyUpdates(p.File, in)
		if !alone {
			continue
		}
		finding := rule.Finding{Span: update.Span, Message: "the index is updated alone and then cached; install in the same RUN"}
		if i+1 < len(p.File.Instructions) && installs(p.File, p.File.Instructions[i+1], update.Manager) {
			if edits := walk.Merge(p.File, in, p.File.Instructions[i+1]); edits != nil {
				finding.Fix = &rule.Fix{Title: "Merge with the RUN that installs", Safety: rule.Unsafe, Edits: edits}
			}
		}
		p.Report(finding)
	}
}

// onlyUpdates finds the update of an index in a RUN that does nothing with it.
func onlyUpdates(f *dockerfile.File, in dockerfile.Instruction) (update walk.Invocation, alone bool) {
	for _, c := range f.Commands(in) {
		v, ok := walk.Invoke(c, "apt-get", "apt", "aptitude", "apk", "yum", "dnf", "microdnf", "zypper")
		switch {
		case ok && v.Is(walk.Updates):
			update, alone = v, true
		case !slices.Contains([]string{"rm", "echo", "true", "set", "apt-key"}, c.Name):
			return v, false
		}
	}
	return update, alone && !walk.Mounted(f, in, "/var/lib/apt/lists") && !walk.Mounted(f, in, "/var/cache/apk") && !walk.Mounted(f, in, "/var/cache/dnf") && !walk.Mounted(f, in, "/var/cache/zypp")
}

func installs(f *dockerfile.File, in dockerfile.Instruction, manager string) bool {
	return slices.ContainsFunc(f.Commands(in), func(c dockerfile.Command) bool {
		v, ok := walk.Invoke(c, manager)
		return ok && v.Is(walk.Installs)
	})
}
