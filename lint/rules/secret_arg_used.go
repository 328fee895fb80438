package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var secretArgUsed = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-arg-used",
		Family:   rule.Secrets,
		Summary:  "no RUN uses a secret from ARG or ENV",
		Why:      "The values of ARGs that a RUN uses are written to the image's history with it. A secret reaches a RUN without a trace only as a mount.",
		Bad:      "FROM debian:12\nARG API_TOKEN\nRUN fetch --token \"$API_TOKEN\"\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=token fetch --token-file /run/secrets/token\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSecretArgUsed,
}

func checkSecretArgUsed(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.ArgCommand)
		if !ok {
			continue
		}
		for _, kv := range c.Args {
			if !walk.SecretName(kv.Key) {
				continue
			}
			for _, run := range p.File.In(in.Stage) {
				if run.Keyword != "run" || run.Index < in.Index {
					continue
				}
				for _, form := range []string{"$" + kv.Key, "${" + kv.Key + "}"} {
					if i := strings.Index(run.Text.Text, form); i >= 0 {
						p.Reportf(run.Text.Span(i, i+len(form)), "the secret "+kv.Key+" is written to the image's history by this RUN; use RUN --mount=type=secret")
						break
					}
				}
			}
		}
	}
}
