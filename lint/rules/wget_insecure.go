package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var wgetInsecure = rule.Rule{
	Meta: rule.Meta{
		Name:     "wget-insecure",
		Aliases:  []string{"CKV2_DOCKER_3"},
		Family:   rule.Secrets,
		Summary:  "wget checks whom it talks to",
		Why:      "With --no-check-certificate wget takes a download from anyone who stands between the build and the server. Give it the certificate of the server's authority with --ca-certificate instead, or install that into the image.",
		Bad:      "FROM debian:12\nRUN wget -q --no-check-certificate https://example.test/x\n",
		Good:     "FROM debian:12\nRUN wget -q https://example.test/x\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkWgetInsecure,
}

func checkWgetInsecure(p *rule.Pass) {
	unverified.Arguments(p, unverified.Flag([]string{"wget", "wget2"}, "--no-check-certificate", "--check-certificate=off", "--check-certificate=no"), "takes the download from anyone who stands in between")
}
