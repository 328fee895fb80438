package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var zypperClean = rule.Rule{
	Meta: rule.Meta{
		Name:     "zypper-clean",
		Aliases:  []string{"DL3036", "DS-0020", "missing-zypper-clean", "38300d1a-feb2-4a48-936a-d1ef1cd24313"},
		Family:   rule.Fat,
		Summary:  "zypper leaves no cache in the layer",
		Why:      "zypper keeps what it downloads below /var/cache/zypp. Deleted in a later RUN it still is in the layer that made it; clean up in the same one, or mount a cache there.",
		Bad:      "FROM opensuse/leap:15.6\nRUN zypper -n install curl=8.6.0\n",
		Good:     "FROM opensuse/leap:15.6\nRUN zypper -n install curl=8.6.0 && zypper clean\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkZypperClean,
}

var zypperCleanFiles = walk.Cache{
	Managers: []string{"zypper"},
	Fills:    []walk.Action{walk.Installs, walk.Upgrades},
	Dirs:     []string{"/var/cache/zypp"},
	Cleaned:  func(v walk.Invocation) bool { return v.Is(walk.Cleans) },
}

func checkZypperClean(p *rule.Pass) {
	for in, v := range zypperCleanFiles.Left(p.File) {
		if p.File.Shipped(in.Stage) {
			p.Report(rule.Finding{Span: v.Span, Message: "zypper keeps its downloads in the layer; add zypper clean to the same RUN", Fix: walk.Append(p.File, in, "zypper clean")})
		}
	}
}
