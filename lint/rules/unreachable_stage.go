package rules

import (
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unreachableStage = rule.Rule{
	Meta: rule.Meta{
		Name:     "unreachable-stage",
		Family:   rule.Hygiene,
		Summary:  "every stage is a part of the image",
		Why:      "A stage that the final one neither is made from nor copies from is not built unless `--target` asks for it. Where nothing does, it is left over. The rule is off unless it is asked for, since tests and tools are often targets of their own.",
		Bad:      "FROM golang:1.24 AS build\nRUN make\n\nFROM alpine:3.20\nCOPY app /app\n",
		Good:     "FROM golang:1.24 AS build\nRUN make\n\nFROM alpine:3.20\nCOPY --from=build /app /app\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{},
	},
	Check: checkUnreachableStage,
}

func checkUnreachableStage(p *rule.Pass) {
	if p.File.Build().Target != "" {
		return // other builds need other stages
	}
	reached := make([]bool, len(p.File.Stages))
	for i := len(reached) - 1; i >= 0; i-- {
		if i == len(reached)-1 || reached[i] {
			reached[i] = true
			for _, need := range needs(p.File, i) {
				reached[need] = true
			}
		}
	}
	for i, ok := range reached {
		if !ok {
			s := &p.File.Stages[i]
			p.Reportf(p.File.Instructions[s.From].Span(), "the final stage does not need this one; only --target builds it")
		}
	}
}

// needs lists the earlier stages that one is made from or takes files from.
func needs(f *dockerfile.File, stage int) []int {
	out := f.Choices(stage)
	if s := &f.Stages[stage]; s.Parent >= 0 {
		out = append(out, s.Parent)
	} else if _, known := f.BaseName(s); !known && len(out) == 0 {
		// A variable may name any of them.
		for i := range stage {
			out = append(out, i)
		}
	}
	for _, in := range f.In(stage) {
		for _, from := range walk.Froms(in) {
			if i := f.StageNamed(from.Text, stage); i >= 0 {
				out = append(out, i)
			}
		}
	}
	return out
}
