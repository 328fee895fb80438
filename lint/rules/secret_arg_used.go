package rules

import (
	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/mount"
)

var secretArgUsed = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-arg-used",
		Family:   rule.Secrets,
		Summary:  "no RUN uses a secret from ARG",
		Why:      "The values of ARGs that a RUN uses are written to the image's history with it. A secret reaches a RUN without a trace only as a mount.",
		Bad:      "FROM debian:12\nARG API_TOKEN\nRUN fetch --token \"$API_TOKEN\"\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=API_TOKEN,env=API_TOKEN fetch --token \"$API_TOKEN\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkSecretArgUsed,
}

func checkSecretArgUsed(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "arg" || in.Stage < 0 {
			continue
		}
		for i, kv := range in.Pairs() {
			if !credential.Name(kv.Key) || credential.HarmlessValue(kv.Value) {
				continue
			}
			for _, run := range p.File.In(in.Stage) {
				if run.Keyword != "run" || run.Index < in.Index {
					continue
				}
				for _, use := range mount.Uses(run, kv.Key) {
					p.Report(rule.Finding{
						Span: use, Message: "the secret " + kv.Key + " is written to the image's history by this RUN; use RUN --mount=type=secret",
						Fix: mount.Secret(p.File, in, i),
					})
					break
				}
			}
		}
	}
}
