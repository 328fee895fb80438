package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var stageNameCase = rule.Rule{
	Meta: rule.Meta{
		Name:     "stage-name-case",
		Aliases:  []string{"StageNameCasing"},
		Family:   rule.Hygiene,
		Summary:  "stage names are written in lower case",
		Why:      "Stage names are matched without regard to case, so a name in mixed case looks like two names to a reader and one to BuildKit.",
		Bad:      "FROM scratch AS Build\n",
		Good:     "FROM scratch AS build\n",
		Severity: rule.Style,
		Fixable:  rule.Always,
		Presets:  []string{"recommended"},
	},
	Check: checkStageNameCase,
}

func checkStageNameCase(p *rule.Pass) {
	for i := range p.File.Stages {
		in := p.File.Instructions[p.File.Stages[i].From]
		fields := strings.Fields(in.Text.Text)
		if len(fields) < 4 || !strings.EqualFold(fields[len(fields)-2], "as") {
			continue
		}
		name := fields[len(fields)-1]
		lower := strings.ToLower(name)
		if name == lower {
			continue
		}
		at := strings.LastIndex(in.Text.Text, name)
		span := in.Text.Span(at, at+len(name))
		p.Report(rule.Finding{Span: span, Message: "stage name " + name + " should be " + lower, Fix: &rule.Fix{
			Title: "Rename the stage to " + lower, Edits: []source.Edit{{Span: span, New: lower}},
		}})
	}
}
