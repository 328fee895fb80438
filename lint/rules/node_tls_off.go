package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var nodeTLSOff = rule.Rule{
	Meta: rule.Meta{
		Name:     "node-tls-off",
		Aliases:  []string{"CKV2_DOCKER_6"},
		Family:   rule.Secrets,
		Summary:  "Node.js verifies TLS certificates",
		Why:      "NODE_TLS_REJECT_UNAUTHORIZED=0 makes every connection of Node.js take any certificate for the right one, npm's and the program's own. Name the certificate of the server's authority in NODE_EXTRA_CA_CERTS instead.",
		Bad:      "FROM node:24\nENV NODE_TLS_REJECT_UNAUTHORIZED=0\n",
		Good:     "FROM node:24\nENV NODE_EXTRA_CA_CERTS=/etc/ssl/company.pem\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkNodeTLSOff,
}

func checkNodeTLSOff(p *rule.Pass) {
	unverified.Variables(p, []string{"NODE_TLS_REJECT_UNAUTHORIZED"}, func(v string) bool { return v == "0" }, "makes Node.js take any certificate for the right one")
}
