package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var duplicateLabel = rule.Rule{
	Meta: rule.Meta{
		Name:     "duplicate-label",
		Family:   rule.Hygiene,
		Summary:  "a stage sets a label once",
		Why:      "Of two labels with one key the later one stays. The earlier has no effect, and whoever reads it first believes it.",
		Bad:      "FROM debian:12\nLABEL version=1\nLABEL version=2\n",
		Good:     "FROM debian:12\nLABEL version=2\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{},
	},
	Check: checkDuplicateLabel,
}

func checkDuplicateLabel(p *rule.Pass) {
	type key struct {
		stage int
		name  string
	}
	last := map[key]labels.Label{}
	for l := range labels.All(p.File) {
		k := key{l.In.Stage, l.Name}
		if before, ok := last[k]; ok && !l.In.Trigger && !before.In.Trigger {
			p.Report(rule.Finding{Span: before.Span, Message: "a later LABEL of the stage sets " + l.Name + " anew", Fix: withoutLabel(p, before)})
		}
		last[k] = l
	}
}

// withoutLabel takes a label away, with its instruction when it is the only one.
func withoutLabel(p *rule.Pass, l labels.Label) *rule.Fix {
	pairs := l.In.Pairs()
	if len(pairs) == 1 && commented(p.File, l.In) {
		return nil
	}
	for n := range pairs {
		if pairs[n].Span != l.Span {
			continue
		}
		if edits := edit.Pair(p.File, l.In, n); len(edits) > 0 {
			return &rule.Fix{Title: "Take it away", Edits: edits}
		}
	}
	return nil
}
