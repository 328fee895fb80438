package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var instructionCase = rule.Rule{
	Meta: rule.Meta{
		Name:     "instruction-case",
		Aliases:  []string{"ConsistentInstructionCasing"},
		Family:   rule.Hygiene,
		Summary:  "instructions have consistent casing",
		Why:      "Instructions are told apart from their arguments by their case. In a file where most are in upper case a lower-case one is easily overlooked, and the other way round. BuildKit takes both.",
		Bad:      "FROM debian:12\nrun make\nCOPY a /a\n",
		Good:     "FROM debian:12\nRUN make\nCOPY a /a\n",
		Severity: rule.Style,
		Fixable:  rule.Always,
		Presets:  []string{"recommended"},
	},
	Check: checkInstructionCase,
}

func checkInstructionCase(p *rule.Pass) {
	lower, upper := 0, 0
	for _, in := range p.File.Instructions {
		if in.Stage < 0 || in.Keyword != "from" && in.Command == nil {
			continue
		}
		switch word, _ := in.First(); word {
		case strings.ToLower(word):
			lower++
		case strings.ToUpper(word):
			upper++
		}
	}
	into, called := strings.ToUpper, "upper"
	if lower > upper {
		into, called = strings.ToLower, "lower"
	}
	for _, in := range p.File.Instructions {
		word, span := in.First()
		if in.Stage < 0 || in.Keyword != "from" && in.Command == nil || word == into(word) {
			continue
		}
		p.Report(rule.Finding{Span: span, Message: word + " is not in " + called + " case, as most instructions of this file are", Fix: &rule.Fix{
			Title: "Write " + into(word), Edits: []source.Edit{{Span: span, New: into(word)}},
		}})
	}
}
