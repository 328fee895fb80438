package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var apkUntrusted = rule.Rule{
	Meta: rule.Meta{
		Name:     "apk-untrusted",
		Aliases:  []string{"CKV2_DOCKER_7"},
		Family:   rule.Secrets,
		Summary:  "apk verifies signatures",
		Why:      "With --allow-untrusted apk installs packages that nobody signed, or anybody. Copy the key they are signed with to /etc/apk/keys instead.",
		Bad:      "FROM alpine:3.22\nRUN apk add --no-cache --allow-untrusted ./x.apk\n",
		Good:     "FROM alpine:3.22\nCOPY company.rsa.pub /etc/apk/keys/\nRUN apk add --no-cache ./x.apk\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkApkUntrusted,
}

func checkApkUntrusted(p *rule.Pass) {
	untrusted := unverified.Flag([]string{"apk"}, "--allow-untrusted")
	keys := bytes.Contains(p.File.Bytes, []byte("/etc/apk/keys"))
	unverified.Arguments(p, func(c dockerfile.Command, i int) unverified.Off {
		off := untrusted(c, i)
		// The keys of distributions are there, the one for such a file is not.
		off.Needed = !keys && slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool { return strings.HasSuffix(a.Text, ".apk") })
		return off
	}, "installs packages that anybody may have made")
}
