package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var emptyLabel = rule.Rule{
	Meta: rule.Meta{
		Name:     "empty-label",
		Aliases:  []string{"DL3051"},
		Family:   rule.Hygiene,
		Summary:  "required labels have a value",
		Why:      "An empty label is there for whoever counts labels and missing for whoever reads them. The rule speaks of labels that the setting `labels` lists.",
		Bad:      "FROM debian:12\nLABEL version=\"\"\n",
		Good:     "FROM debian:12\nLABEL version=\"1\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{Labels: map[string]string{"version": "text"}},
	},
	Check: checkEmptyLabel,
}

func checkEmptyLabel(p *rule.Pass) {
	for l := range labels.All(p.File) {
		if _, ok := p.Settings.Labels[l.Name]; ok && l.Fixed && l.Text == "" {
			p.Reportf(l.Span, "the label "+l.Name+" is empty")
		}
	}
}
