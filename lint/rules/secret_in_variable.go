package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/mount"
)

var secretInVariable = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-in-variable",
		Aliases:  []string{"DL3064", "SecretsUsedInArgOrEnv", "DS-0031", "CIS-DI-0010", "secret-in-build-arg", "c3e1b6ae-d92c-44b3-8ed5-1f5442bab6a4"},
		Family:   rule.Secrets,
		Summary:  "no ENV or ARG holds a secret",
		Why:      "ENV stays in the image's configuration and ARG in its history, where anyone who can pull the image reads them. Mount the secret where it is needed: RUN --mount=type=secret,id=token,env=TOKEN.\n\nNames tell: PASSWORD, API_KEY, NPM_TOKEN. Paths and switches around a secret (TOKEN_FILE, PASSWORD_MIN_LENGTH), public keys, sockets and user names are not reported, nor is a value that is a path, an address, a switch or a fingerprint.",
		Bad:      "FROM debian:12\nARG NPM_TOKEN\nENV DB_PASSWORD=hunter2\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=token cat /run/secrets/token >/dev/null\nENV DB_PASSWORD_FILE=/run/secrets/db\n",
		Severity: rule.Error,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkSecretInVariable,
}

func checkSecretInVariable(p *rule.Pass) {
	var finder *mount.Finder
	for _, in := range p.File.Instructions {
		if in.Keyword != "env" && in.Keyword != "arg" {
			continue
		}
		for i, kv := range in.Pairs() {
			key := strings.Trim(kv.Key, `"'`)
			if !credential.Name(key) {
				continue
			}
			where := "ARG stays in the image's history"
			if in.Keyword == "env" {
				where = "ENV stays in the image's configuration"
				if value, known := p.File.Expand(in, kv.Value); known && strings.Trim(value, `"'`) == "" {
					continue // a place for a value that the container is given
				}
			}
			if credential.HarmlessValue(kv.Value) {
				continue
			}
			if finder == nil {
				finder = mount.NewFinder(p.File)
			}
			p.Report(rule.Finding{
				Span: kv.Span, Message: "the name " + key + " says that it holds a secret, and " + where + "; use RUN --mount=type=secret",
				Fix: finder.Secret(in, i),
			})
		}
	}
}
