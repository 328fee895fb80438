package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var maintainerUsed = rule.Rule{
	Meta: rule.Meta{
		Name:     "maintainer",
		Aliases:  []string{"DL4000", "MaintainerDeprecated", "DS-0022", "CKV_DOCKER_6"},
		Family:   rule.Hygiene,
		Summary:  "MAINTAINER is not used",
		Why:      "MAINTAINER was replaced by labels years ago; tools look for org.opencontainers.image.authors.",
		Bad:      "FROM debian:12\nMAINTAINER Ann <ann@example.test>\n",
		Good:     "FROM debian:12\nLABEL org.opencontainers.image.authors=\"Ann <ann@example.test>\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkMaintainerUsed,
}

func checkMaintainerUsed(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.MaintainerCommand)
		if !ok {
			continue
		}
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(strings.Trim(c.Maintainer, `"'`))
		p.Report(rule.Finding{Span: in.KeywordSpan(), Message: "MAINTAINER is deprecated; use a label", Fix: &rule.Fix{
			Title: "Write it as a label", Safety: rule.Unsafe,
			Edits: []source.Edit{{Span: in.Span(), New: `LABEL org.opencontainers.image.authors="` + quoted + `"`}},
		}})
	}
}
