package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var yumNogpgcheck = rule.Rule{
	Meta: rule.Meta{
		Name:     "yum-nogpgcheck",
		Aliases:  []string{"CKV2_DOCKER_9"},
		Family:   rule.Secrets,
		Summary:  "yum and dnf verify signatures",
		Why:      "With --nogpgcheck packages are installed that nobody signed, or anybody. Import the key they are signed with, rpm --import, instead.",
		Bad:      "FROM rockylinux:9\nRUN dnf install -y --nogpgcheck httpd && dnf clean all\n",
		Good:     "FROM rockylinux:9\nRUN dnf install -y httpd && dnf clean all\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkYumNogpgcheck,
}

func checkYumNogpgcheck(p *rule.Pass) {
	flag := unverified.Flag(yums, "--nogpgcheck", "--no-gpgchecks", "--no-gpgcheck", "--setopt=gpgcheck=0", "--setopt=gpgcheck=false")
	unverified.Arguments(p, func(c dockerfile.Command, i int) unverified.Off {
		if unverified.Written(c) {
			// A repository that is written to a file.
			if text := strings.ReplaceAll(c.Args[i].Text, " ", ""); strings.Contains(text, "gpgcheck=0") && !strings.Contains(text, "repo_gpgcheck=0") {
				return unverified.Off{Words: 1, Text: true, Part: "gpgcheck=0"}
			}
		}
		return flag(c, i)
	}, "installs packages that anybody may have made")
}
