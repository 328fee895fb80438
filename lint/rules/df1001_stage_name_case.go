package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var stageNameCase = rule.Rule{
	Meta: rule.Meta{
		ID:      "DF1001",
		Name:    "stage-name-case",
		Summary: "stage names are written in lower case",
		Why: `Stage names are matched without regard to case, so a name in mixed case
looks like two names to a reader and one to BuildKit.`,
		Bad:      "FROM scratch AS Build\n",
		Good:     "FROM scratch AS build\n",
		Severity: rule.Style,
		Fixable:  rule.Always,
	},
	Check: checkStageNameCase,
}

func checkStageNameCase(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if !strings.EqualFold(in.Node.Value, "from") {
			continue
		}
		at, name, ok := stageName(in.Text.Text)
		lower := strings.ToLower(name)
		if !ok || name == lower {
			continue
		}
		span := in.Text.Span(at, at+len(name))
		p.Report(rule.Finding{
			Span:    span,
			Message: "stage name " + name + " should be " + lower,
			Fix: &rule.Fix{
				Title: "Rename the stage to " + lower,
				Edits: []source.Edit{{Span: span, New: lower}},
			},
		})
	}
}

// stageName finds the name after AS in the text of a FROM instruction.
func stageName(text string) (at int, name string, ok bool) {
	fields := strings.Fields(text)
	if len(fields) < 4 || !strings.EqualFold(fields[len(fields)-2], "as") {
		return 0, "", false
	}
	name = fields[len(fields)-1]
	return strings.LastIndex(text, name), name, true
}
