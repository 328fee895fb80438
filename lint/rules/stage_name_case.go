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
		Summary:  "stage names are lower case",
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
		words := p.File.Instructions[p.File.Stages[i].From].Words()
		if len(words) != 3 {
			continue
		}
		name := words[2]
		lower := strings.ToLower(name.Text)
		if name.Text == lower {
			continue
		}
		p.Report(rule.Finding{Span: name.Span, Message: "stage name " + name.Text + " should be " + lower, Fix: &rule.Fix{
			Title: "Rename the stage to " + lower, Edits: []source.Edit{{Span: name.Span, New: lower}},
		}})
	}
}
