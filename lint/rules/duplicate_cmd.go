package rules

import (
	"bytes"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
)

var duplicateCmd = rule.Rule{
	Meta: rule.Meta{
		Name:     "duplicate-cmd",
		Aliases:  []string{"DL4003", "MultipleInstructionsDisallowed", "DS-0016", "41c195f4-fc31-4a5c-8a1b-90605538d49f"},
		Family:   rule.Hygiene,
		Summary:  "a stage has one CMD",
		Why:      "Only the last CMD of a stage counts. One before it has no effect, and whoever reads it first believes it.",
		Bad:      "FROM debian:12\nCMD [\"a\"]\nCMD [\"b\"]\n",
		Good:     "FROM debian:12\nCMD [\"b\"]\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: func(p *rule.Pass) { checkDead(p, "cmd") },
}

// checkDead reports every instruction of a kind that a later one of its stage
// overrides. Taking it away changes nothing.
func checkDead(p *rule.Pass, keyword string) {
	for stage := range p.File.Stages {
		var last dockerfile.Instruction
		for _, in := range p.File.In(stage) {
			if in.Keyword != keyword || in.Trigger || in.Command == nil {
				continue
			}
			if last.Command != nil {
				finding := rule.Finding{Span: last.Span(), Message: "a later " + strings.ToUpper(keyword) + " of the stage overrides this one"}
				// A comment above it would be about what follows.
				if edits := edit.Instruction(p.File, last); len(edits) > 0 && !commented(p.File, last) {
					finding.Fix = &rule.Fix{Title: "Take it away", Edits: edits}
				}
				p.Report(finding)
			}
			last = in
		}
	}
}

// commented reports whether a comment stands right above an instruction.
func commented(f *dockerfile.File, in dockerfile.Instruction) bool {
	first := in.Node.StartLine
	return first > 1 && bytes.HasPrefix(bytes.TrimSpace(f.Line(first-1)), []byte("#"))
}
