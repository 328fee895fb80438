package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/rule"
)

var secretInLabel = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-in-label",
		Family:   rule.Secrets,
		Summary:  "no LABEL holds a secret",
		Why:      "Labels are in the image's configuration, and tools print them. Give the secret to the program that reads the label in another way.",
		Bad:      "FROM debian:12\nLABEL com.example.api-token=k8Fh3mQz91LpXw\n",
		Good:     "FROM debian:12\nLABEL com.example.api-token-file=/run/secrets/token\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSecretInLabel,
}

func checkSecretInLabel(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "label" {
			continue
		}
		for _, kv := range in.Pairs() {
			key, value := strings.Trim(kv.Key, `"'`), strings.Trim(kv.Value, `"'`)
			if password, ok := credential.URLPassword(value); ok {
				p.Report(rule.Finding{
					Span: kv.Span, Message: "the password in the address of " + key + " stays in the image's configuration", Minor: !credential.Looks(password),
				})
				continue
			}
			if credential.Publishable(value) || credential.Setting(key, value) {
				continue
			}
			if !credential.Name(key) || credential.HarmlessValue(value) || credential.Placeholder(value) || len(value) < 6 || strings.ContainsAny(value, " \t") {
				continue
			}
			p.Reportf(kv.Span, "the name "+key+" says that it holds a secret, and labels stay in the image's configuration")
		}
	}
}
