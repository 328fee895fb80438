package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var distroUpgrade = rule.Rule{
	Meta: rule.Meta{
		Name:     "distro-upgrade",
		Aliases:  []string{"DS-0024", "DKL-DI-0003", "DL3005", "DL3017", "DL3031", "DL3039", "avoid-apt-get-upgrade", "avoid-apk-upgrade", "avoid-yum-update", "avoid-dnf-update", "682fe378-c180-4bd5-8a14-95fc285fb269", "09fda05e-da85-4ee7-ab8d-2800a5e6e756", "989ab888-7d1e-410f-9dde-c64a1d367bf2", "8f6456be-0018-46db-9ce6-b3b6dc8d34d2"},
		Family:   rule.Fat,
		Summary:  "the distribution is not upgraded in a layer",
		Why:      "Upgraded packages are in the image twice, and which versions they have depends on the day of the build. A newer base image brings the same fixes. Where the base comes out too rarely for that, an upgrade is the lesser evil, and so the rule is only in strict.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get upgrade -y\n",
		Good:     "FROM debian:12.11\nRUN apt-get update && apt-get install -y curl\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
	},
	Check: checkDistroUpgrade,
}

func checkDistroUpgrade(p *rule.Pass) {
	for in, v := range walk.Managers(p.File, "apt-get", "apt", "aptitude", "apk", "yum", "dnf", "microdnf", "tdnf") {
		if v.Is(walk.Upgrades) && len(v.Packages) == 0 && p.File.Shipped(in.Stage) {
			p.Reportf(v.Span, v.Manager+" "+v.Verb+" keeps the old packages in the layers below and adds the new ones; use a newer base image")
		}
	}
}
