package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var secretInVariable = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-in-variable",
		Aliases:  []string{"DL3064", "SecretsUsedInArgOrEnv", "DS-0031", "CIS-DI-0010"},
		Family:   rule.Secrets,
		Summary:  "no ENV or ARG holds a secret",
		Why:      "ENV stays in the image's configuration and ARG in its history, where anyone who can pull the image reads them. Mount the secret where it is needed: RUN --mount=type=secret,id=token.",
		Bad:      "FROM debian:12\nARG NPM_TOKEN\nENV DB_PASSWORD=hunter2\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=token cat /run/secrets/token >/dev/null\nENV DB_PASSWORD_FILE=/run/secrets/db\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkSecretInVariable,
}

func checkSecretInVariable(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		for _, kv := range walk.Variables(in) {
			if !walk.SecretName(kv.Key) || !kv.Arg && kv.Value == "" {
				continue
			}
			span, ok := in.Find(kv.Key + "=" + kv.Value)
			if !ok {
				if span, ok = in.Find(kv.Key); !ok {
					span = variableSpan(in, kv.Key)
				}
			}
			where := "ENV stays in the image's configuration"
			if kv.Arg {
				where = "ARG stays in the image's history"
			}
			p.Reportf(span, "the name "+kv.Key+" says that it holds a secret, and "+where+"; use RUN --mount=type=secret")
		}
	}
}

// variableSpan finds NAME= where NAME alone is not a word.
func variableSpan(in dockerfile.Instruction, name string) source.Span {
	if i := strings.Index(in.Text.Text, name); i >= 0 {
		return in.Text.Span(i, i+len(name))
	}
	return in.Span()
}
