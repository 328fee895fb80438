package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var rpmNosignature = rule.Rule{
	Meta: rule.Meta{
		Name:     "rpm-nosignature",
		Aliases:  []string{"CKV2_DOCKER_10"},
		Family:   rule.Secrets,
		Summary:  "rpm verifies signatures and digests",
		Why:      "Without them rpm installs whatever the file holds, be it damaged or put there by somebody else. Import the key it is signed with, rpm --import, instead.",
		Bad:      "FROM rockylinux:9\nRUN rpm -i --nosignature x.rpm\n",
		Good:     "FROM rockylinux:9\nRUN rpm -K x.rpm && rpm -i x.rpm\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkRpmNosignature,
}

func checkRpmNosignature(p *rule.Pass) {
	unverified.Arguments(p, unverified.Flag([]string{"rpm", "rpmkeys"}, "--nosignature", "--nodigest", "--noverify", "--checksig=no"), "installs what anybody may have made")
}
