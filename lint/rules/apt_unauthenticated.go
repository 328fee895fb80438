package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var aptUnauthenticated = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-unauthenticated",
		Aliases:  []string{"CKV2_DOCKER_8"},
		Family:   rule.Secrets,
		Summary:  "apt verifies signatures",
		Why:      "Signatures are all that tells a package of the distribution from one that somebody put in its place on the way. Put the key of the repository under /etc/apt/keyrings and name it in the source with signed-by instead.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install -y --allow-unauthenticated curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkAptUnauthenticated,
}

func checkAptUnauthenticated(p *rule.Pass) {
	flag := unverified.Flag([]string{"apt-get", "apt", "aptitude"}, "--allow-unauthenticated", "--allow-insecure-repositories", "--no-gpg-check")
	unverified.Arguments(p, func(c dockerfile.Command, i int) unverified.Off {
		switch a := c.Args[i].Text; c.Name {
		case "apt-get", "apt", "aptitude":
			if rest, ok := strings.CutPrefix(a, "-o"); ok && rest != "" && lenient(rest) {
				return unverified.Off{Words: 1}
			}
			if a == "-o" && i+1 < len(c.Args) && lenient(c.Args[i+1].Text) {
				return unverified.Off{Words: 2}
			}
			return flag(c, i)
		case "echo", "printf":
			// A source or a setting that is written to a file.
			if strings.HasPrefix(a, "deb") && strings.Contains(a, "trusted=yes") {
				return unverified.Off{Words: 1, Text: true, Part: "trusted=yes"}
			}
			if lenient(a) {
				return unverified.Off{Words: 1, Text: true}
			}
		}
		return unverified.Off{}
	}, "installs packages that anybody may have made")
}

// lenient reports whether a setting of apt, as Name=value or Name "value";,
// gives up a check.
func lenient(setting string) bool {
	if !strings.Contains(setting, "::") {
		return false
	}
	setting = strings.NewReplacer(" ", "", `"`, "", ";", "", "=", "").Replace(strings.ToLower(setting))
	for _, name := range []string{"::allowunauthenticated", "::allowinsecurerepositories"} {
		if _, value, ok := strings.Cut(setting, name); ok && unverified.Yes(value) {
			return true
		}
	}
	for _, name := range []string{"::verify-peer", "::verify-host"} {
		if _, value, ok := strings.Cut(setting, name); ok && unverified.No(value) {
			return true
		}
	}
	return false
}
