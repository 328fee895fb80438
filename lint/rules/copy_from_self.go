package rules

import (
	"strconv"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var copyFromSelf = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-from-self",
		Aliases:  []string{"DL3023", "DS-0006", "cdddb86f-95f6-4fc4-b5a1-483d9afceb2b"},
		Family:   rule.Hygiene,
		Summary:  "no stage copies from itself",
		Why:      "A stage that copies or mounts from itself waits for itself; BuildKit refuses the file.",
		Bad:      "FROM debian:12 AS build\nCOPY --from=build /a /b\n",
		Good:     "FROM debian:12 AS build\nRUN cp /a /b\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkCopyFromSelf,
}

func checkCopyFromSelf(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		switch in.Command.(type) {
		case *instructions.CopyCommand, *instructions.RunCommand:
			for _, w := range walk.Froms(in) {
				// That a number is no earlier stage's is copy-from-unknown's.
				if _, err := strconv.Atoi(w.Text); err == nil {
					continue
				}
				if !in.Trigger && p.File.StageNamed(w.Text, in.Stage+1) == in.Stage {
					p.Reportf(w.Span, "the stage copies from itself")
				}
			}
		}
	}
}
