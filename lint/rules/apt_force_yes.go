package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var aptForceYes = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-force-yes",
		Aliases:  []string{"CKV2_DOCKER_11"},
		Family:   rule.Secrets,
		Summary:  "apt-get does not use --force-yes",
		Why:      "--force-yes installs packages without a valid signature, downgrades and removes what the system needs, and asks nobody. It has been deprecated since apt 1.1; -y answers the question that is meant.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install --force-yes curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkAptForceYes,
}

func checkAptForceYes(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		if c.Name != "apt-get" && c.Name != "apt" {
			continue
		}
		for i, a := range c.Args {
			if a.Text != "--force-yes" {
				continue
			}
			finding := rule.Finding{Span: a.Span, Message: "--force-yes also says yes to packages that anybody may have made; -y is enough"}
			edits := edit.Arguments(p.File, c, i, 1)
			if !c.HasFlag("-y", "--yes", "--assume-yes", "-qq") && edits != nil {
				edits = []source.Edit{{Span: a.Span, New: "-y"}}
			}
			if edits != nil {
				finding.Fix = &rule.Fix{Title: "Say -y and no more", Safety: rule.Unsafe, Edits: edits}
			}
			p.Report(finding)
		}
	}
}
