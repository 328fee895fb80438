package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var yumSSLOff = rule.Rule{
	Meta: rule.Meta{
		Name:     "yum-ssl-off",
		Aliases:  []string{"CKV2_DOCKER_15"},
		Family:   rule.Secrets,
		Summary:  "yum and dnf verify TLS certificates",
		Why:      "With sslverify off, whoever stands between the build and the repository decides what it offers. Name the certificate of the repository's authority with the setting sslcacert instead.",
		Bad:      "FROM rockylinux:9\nRUN dnf install -y --setopt=sslverify=false httpd && dnf clean all\n",
		Good:     "FROM rockylinux:9\nRUN dnf install -y httpd && dnf clean all\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkYumSSLOff,
}

func checkYumSSLOff(p *rule.Pass) {
	unverified.Arguments(p, func(c dockerfile.Command, i int) unverified.Off {
		switch a := c.Args[i].Text; {
		case unverified.Written(c) && noSSLVerify(a):
			return unverified.Off{Words: 1, Text: true}
		case !slices.Contains(yums, c.Name) && c.Name != "yum-config-manager":
			return unverified.Off{}
		case strings.HasPrefix(a, "--setopt=") && noSSLVerify(a):
			return unverified.Off{Words: 1}
		case a == "--setopt" && i+1 < len(c.Args) && noSSLVerify(c.Args[i+1].Text):
			return unverified.Off{Words: 2}
		}
		return unverified.Off{}
	}, "skips TLS verification, so that anyone in between can change packages")
}

// noSSLVerify reports whether text has yum's sslverify with a value that
// switches it off.
func noSSLVerify(text string) bool {
	_, value, ok := strings.Cut(strings.ToLower(strings.ReplaceAll(text, " ", "")), "sslverify=")
	value, _, _ = strings.Cut(value, "\n")
	return ok && unverified.No(value)
}

// yums are the package managers that have yum's flags.
var yums = []string{"yum", "dnf", "dnf5", "microdnf", "tdnf"}
