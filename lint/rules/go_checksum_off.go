package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var goChecksumOff = rule.Rule{
	Meta: rule.Meta{
		Name:     "go-checksum-off",
		Family:   rule.Secrets,
		Summary:  "go verifies module checksums",
		Why:      "The checksum database tells the module that everyone gets from one that somebody put in its place. GONOSUMDB and GOPRIVATE name modules of one's own that it does not know; GOSUMDB=off and GOINSECURE=* give the check up for all.",
		Bad:      "FROM golang:1.26\nENV GOSUMDB=off\n",
		Good:     "FROM golang:1.26\nENV GOPRIVATE=example.test/*\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkGoChecksumOff,
}

func checkGoChecksumOff(p *rule.Pass) {
	const what = "makes go skip the verification of module checksums"
	unverified.Variables(p, []string{"GOSUMDB"}, func(v string) bool { return v == "off" }, what)
	unverified.Variables(p, []string{"GONOSUMCHECK"}, func(v string) bool { return v == "1" }, what)
	unverified.Variables(p, []string{"GOFLAGS"}, func(v string) bool { return strings.Contains(v, "-insecure") }, what)
	unverified.Variables(p, []string{"GOINSECURE", "GONOSUMDB"}, func(v string) bool { return v == "*" || strings.HasPrefix(v, "*,") || v == "*.*" }, what)
	unverified.Arguments(p, func(c dockerfile.Command, i int) unverified.Off {
		if c.Name == "go" && i > 1 && c.Args[0].Text == "env" && c.Args[1].Text == "-w" && c.Args[i].Text == "GOSUMDB=off" {
			return unverified.Off{Words: 1, Text: true}
		}
		return unverified.Off{}
	}, what)
}
