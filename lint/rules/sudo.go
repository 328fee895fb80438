package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var sudoInRun = rule.Rule{
	Meta: rule.Meta{
		Name:     "sudo",
		Aliases:  []string{"DL3004", "DS-0010"},
		Family:   rule.Root,
		Summary:  "RUN does not use sudo",
		Why:      "RUN runs as the stage's user already. sudo hides who does what and stays in the image as a way to become root; set USER where another user is needed.",
		Bad:      "FROM debian:12\nRUN sudo apt-get update\n",
		Good:     "FROM debian:12\nUSER root\nRUN apt-get update\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkSudoInRun,
}

func checkSudoInRun(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		if c.Under("sudo") || c.Name == "sudo" {
			p.Reportf(c.Span, "sudo is used; set USER for what needs another user")
		}
	}
}
