package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var yumClean = rule.Rule{
	Meta: rule.Meta{
		Name:     "yum-clean",
		Aliases:  []string{"DL3032", "DS-0015", "00481784-25aa-4a55-8633-3136dfcf4f37"},
		Family:   rule.Fat,
		Summary:  "yum leaves no cache in the layer",
		Why:      "yum keeps what it downloads below /var/cache/yum. Deleted in a later RUN it still is in the layer that made it; clean up in the same one, or mount a cache there.",
		Bad:      "FROM rockylinux:8\nRUN yum install -y httpd-2.4.37\n",
		Good:     "FROM rockylinux:8\nRUN yum install -y httpd-2.4.37 && yum clean all\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkYumClean,
}

var yumCleanFiles = walk.Cache{
	Managers: []string{"yum"},
	Fills:    []walk.Action{walk.Installs, walk.Reinstalls, walk.Upgrades},
	Dirs:     []string{"/var/cache/yum", "/var/cache/dnf", "/var/cache/libdnf5"},
	Cleaned: func(v walk.Invocation) bool {
		return v.Is(walk.Cleans) && len(v.Packages) > 0 && v.Packages[0].Text == "all"
	},
}

func checkYumClean(p *rule.Pass) {
	for in, v := range yumCleanFiles.Left(p.File) {
		if p.File.Shipped(in.Stage) {
			p.Report(rule.Finding{Span: v.Span, Message: "yum keeps its downloads in the layer; add yum clean all to the same RUN", Fix: walk.Append(p.File, in, "yum clean all")})
		}
	}
}
