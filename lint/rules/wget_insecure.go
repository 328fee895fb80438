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
		Summary:  "wget verifies TLS certificates",
		Why:      "With --no-check-certificate wget does not verify the certificate of the server, so that anyone in between can change the download. Give it the certificate of the server's authority with --ca-certificate instead, or install that into the image.",
		Bad:      "FROM debian:12\nRUN wget -q --no-check-certificate https://example.test/x\n",
		Good:     "FROM debian:12\nRUN wget -q https://example.test/x\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkWgetInsecure,
}

func checkWgetInsecure(p *rule.Pass) {
	unverified.Arguments(p, unverified.Flag([]string{"wget", "wget2"}, "--no-check-certificate", "--check-certificate=off", "--check-certificate=no"), "skips TLS verification, so that anyone in between can change the download")
}
