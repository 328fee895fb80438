package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var zypperNoGPGChecks = rule.Rule{
	Meta: rule.Meta{
		Name:     "zypper-no-gpg-checks",
		Family:   rule.Secrets,
		Summary:  "zypper verifies signatures",
		Why:      "With --no-gpg-checks packages and repositories are taken that nobody signed, or anybody. Import the key they are signed with, rpm --import, instead.",
		Bad:      "FROM opensuse/leap:15.6\nRUN zypper -n --no-gpg-checks install curl && zypper clean\n",
		Good:     "FROM opensuse/leap:15.6\nRUN zypper -n install curl && zypper clean\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkZypperNoGPGChecks,
}

func checkZypperNoGPGChecks(p *rule.Pass) {
	unverified.Arguments(p, unverified.Flag([]string{"zypper"}, "--no-gpg-checks", "--no-gpgcheck", "--gpgcheck-allow-unsigned", "--gpgcheck-allow-unsigned-repo", "--gpgcheck-allow-unsigned-package", "--allow-unsigned-rpm"), "installs packages that anybody may have made")
}
