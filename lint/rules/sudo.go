package rules

import (
	"slices"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var sudoInRun = rule.Rule{
	Meta: rule.Meta{
		Name:     "sudo",
		Aliases:  []string{"DL3004", "DS-0010", "DKL-DI-0001", "CKV2_DOCKER_1", "no-sudo-in-dockerfile", "8ada6e80-0ade-439e-b176-0b28f6bce35a"},
		Family:   rule.Root,
		Summary:  "RUN does not use sudo",
		Why:      "RUN runs as the stage's user already. sudo hides who does what and stays in the image as a way to become root; set USER where another user is needed.",
		Bad:      "FROM debian:12\nRUN sudo apt-get update\n",
		Good:     "FROM debian:12\nUSER root\nRUN apt-get update\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkSudoInRun,
}

func checkSudoInRun(p *rule.Pass) {
	var all walk.Gathering
	for in, c := range walk.Commands(p.File) {
		if !c.Under("sudo") && c.Name != "sudo" {
			continue
		}
		finding := rule.Finding{Span: c.Span, Message: "sudo is used; set USER for what needs another user"}
		for _, w := range c.Wrappers {
			if w.Name == "sudo" && !slices.ContainsFunc(w.Args, matters) && walk.AsRoot(p.File, in) {
				finding.Fix = &rule.Fix{Title: "Drop sudo", Safety: rule.Unsafe, Edits: []source.Edit{{Span: w.Span, New: ""}}}
				break
			}
		}
		all.Add(in, finding)
	}
	all.Report(p)
}

// matters reports whether an argument of sudo makes a difference for a command
// that runs as root already, without a terminal.
func matters(a dockerfile.Arg) bool {
	return !slices.Contains([]string{"-E", "-H", "-n", "-S", "-EH", "-HE", "--preserve-env", "--set-home", "--non-interactive"}, a.Text)
}
