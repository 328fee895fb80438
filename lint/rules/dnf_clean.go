package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var dnfClean = rule.Rule{
	Meta: rule.Meta{
		Name:     "dnf-clean",
		Aliases:  []string{"DL3040", "DS-0019", "DS-0027", "missing-dnf-clean-all", "295acb63-9246-4b21-b441-7c1f1fb62dc0"},
		Family:   rule.Fat,
		Summary:  "dnf leaves no cache in the layer",
		Why:      "dnf keeps what it downloads below /var/cache. Deleted in a later RUN it still is in the layer that made it; clean up in the same one, or mount a cache there.",
		Bad:      "FROM fedora:42\nRUN dnf install -y httpd-2.4.63\n",
		Good:     "FROM fedora:42\nRUN dnf install -y httpd-2.4.63 && dnf clean all\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkDnfClean,
}

var dnfCleanFiles = walk.Cache{
	Managers: []string{"dnf", "microdnf"},
	Fills:    []walk.Action{walk.Installs, walk.Reinstalls, walk.Upgrades},
	Dirs:     []string{"/var/cache/yum", "/var/cache/dnf", "/var/cache/libdnf5"},
	Cleaned: func(v walk.Invocation) bool {
		return v.Is(walk.Cleans) && len(v.Packages) > 0 && v.Packages[0].Text == "all"
	},
}

func checkDnfClean(p *rule.Pass) {
	for in, v := range dnfCleanFiles.Left(p.File) {
		if p.File.Shipped(in.Stage) {
			p.Report(rule.Finding{Span: v.Span, Message: v.Manager + " keeps its downloads in the layer; add " + v.Manager + " clean all to the same RUN", Fix: walk.Append(p.File, in, v.Manager+" clean all")})
		}
	}
}
