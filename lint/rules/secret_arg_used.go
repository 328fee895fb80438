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
		Why:      "The values of ARGs that a RUN uses are written to the image's history with it. A secret reaches a RUN without a trace only as a mount. Where secret-in-variable speaks of the ARG, one finding is enough.",
		Bad:      "FROM debian:12\nARG API_TOKEN\nRUN fetch --token \"$API_TOKEN\"\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=API_TOKEN,env=API_TOKEN fetch --token \"$API_TOKEN\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Yields:   []string{"secret-in-variable"},
		Presets:  []string{"recommended"},
	},
	Check: checkSecretArgUsed,
}

func checkSecretArgUsed(p *rule.Pass) {
	var finder *mount.Finder
	for _, in := range p.File.Instructions {
		if in.Keyword != "arg" || in.Stage < 0 {
			continue
		}
		for i, kv := range in.Pairs() {
			if !credential.Name(kv.Key) || credential.Public(kv.Key) || credential.HarmlessValue(kv.Value) || credential.Setting(kv.Key, kv.Value) {
				continue
			}
			if finder == nil {
				finder = mount.NewFinder(p.File)
			}
			last := -1
			for _, use := range finder.Uses(kv.Key) {
				if use.In.Keyword != "run" || use.In.Stage != in.Stage || use.In.Index < in.Index || use.In.Index == last || use.Span.End == 0 {
					continue
				}
				last = use.In.Index
				where := "the image's history"
				if !p.File.Shipped(in.Stage) {
					where = "the cache and the provenance of the build"
				}
				p.Report(rule.Finding{
					Span: use.Span, Message: "the secret " + kv.Key + " is written to " + where + " by this RUN; use RUN --mount=type=secret",
					Fix: finder.Secret(in, i), About: about(in, kv.Key),
				})
			}
		}
	}
}
