package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var tdnfClean = rule.Rule{
	Meta: rule.Meta{
		Name:     "tdnf-clean",
		Family:   rule.Fat,
		Summary:  "tdnf leaves no cache in the layer",
		Why:      "tdnf keeps what it downloads below /var/cache/tdnf. Deleted in a later RUN it still is in the layer that made it; clean up in the same one, or mount a cache there.",
		Bad:      "FROM mcr.microsoft.com/azurelinux/base/core:3.0\nRUN tdnf install -y httpd-2.4.63\n",
		Good:     "FROM mcr.microsoft.com/azurelinux/base/core:3.0\nRUN tdnf install -y httpd-2.4.63 && tdnf clean all\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkTdnfClean,
}

var tdnfCleanFiles = walk.Cache{
	Managers: []string{"tdnf"},
	Fills:    []walk.Action{walk.Installs, walk.Reinstalls, walk.Upgrades},
	Dirs:     []string{"/var/cache/tdnf"},
	Cleaned: func(v walk.Invocation) bool {
		return v.Is(walk.Cleans) && len(v.Packages) > 0 && v.Packages[0].Text == "all"
	},
}

func checkTdnfClean(p *rule.Pass) {
	for in, v := range tdnfCleanFiles.Left(p.File) {
		if p.File.Shipped(in.Stage) {
			p.Report(rule.Finding{Span: v.Span, Message: "tdnf keeps its downloads in the layer; add tdnf clean all to the same RUN", Fix: walk.Append(p.File, in, v.Manager+" clean all")})
		}
	}
}
