package rules

import (
	"strconv"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var copyFromNumber = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-from-number",
		Aliases:  []string{"68a51e22-ae5a-4d48-8e87-b01a323605c9"},
		Family:   rule.Hygiene,
		Summary:  "COPY --from refers to a stage by name, not by index",
		Why:      "A number means another stage as soon as somebody puts one in between.",
		Bad:      "FROM golang:1.24 AS build\nFROM scratch\nCOPY --from=0 /app /app\n",
		Good:     "FROM golang:1.24 AS build\nFROM scratch\nCOPY --from=build /app /app\n",
		Severity: rule.Style,
		Fixable:  rule.Sometimes,
		Presets:  []string{},
	},
	Check: checkCopyFromNumber,
}

func checkCopyFromNumber(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.CopyCommand)
		if !ok || c.From == "" {
			continue
		}
		n, err := strconv.Atoi(c.From)
		if err != nil || n < 0 || n >= in.Stage {
			continue
		}
		flag, _ := in.Flag("from")
		name := p.File.Stages[n].Name
		if name == "" || p.File.StageNamed(name, in.Stage) != n {
			p.Reportf(flag.ValueSpan, "stage "+c.From+" has no name of its own; give it one and copy from that")
			continue
		}
		p.Report(rule.Finding{Span: flag.ValueSpan, Message: "stage " + c.From + " is called " + name, Fix: &rule.Fix{
			Title: "Copy from " + name, Edits: []source.Edit{{Span: flag.ValueSpan, New: name}},
		}})
	}
}
