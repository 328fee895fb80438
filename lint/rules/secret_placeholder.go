package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/rule"
)

var secretPlaceholder = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-placeholder",
		Aliases:  []string{"SecretsUsedInArgOrEnv"},
		Family:   rule.Secrets,
		Summary:  "no ENV declares a placeholder for a secret",
		Why:      "An empty variable asks for the secret to be given in the environment of the container, where every process, crash report and docker inspect shows it. Take a file instead, such as a mounted secret, and name its path.",
		Bad:      "FROM debian:12\nENV DB_PASSWORD=\n",
		Good:     "FROM debian:12\nENV DB_PASSWORD_FILE=/run/secrets/db\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSecretPlaceholder,
}

func checkSecretPlaceholder(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if _, ok := in.Command.(*instructions.EnvCommand); !ok {
			continue
		}
		for _, pair := range in.Pairs() {
			value, known := p.File.Expand(in, pair.Value)
			if known && value == "" && credential.Name(strings.Trim(pair.Key, `"'`)) {
				p.Reportf(pair.Span, "the empty "+pair.Key+" asks for a secret in the environment of the container; ask for the path of a file, "+pair.Key+"_FILE")
			}
		}
	}
}
