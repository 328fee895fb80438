package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var unknownLabel = rule.Rule{
	Meta: rule.Meta{
		Name:     "unknown-label",
		Aliases:  []string{"DL3050"},
		Family:   rule.Hygiene,
		Summary:  "the image has only the labels that are listed",
		Why:      "A label that nobody knows is a typo or something that no tool reads. The rule speaks when the setting `strict-labels` is on, of labels that the setting `labels` does not list.",
		Bad:      "FROM debian:12\nLABEL verzion=1\n",
		Good:     "FROM debian:12\nLABEL version=1\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{Labels: map[string]string{"version": "text"}, StrictLabels: true},
	},
	Check: checkUnknownLabel,
}

func checkUnknownLabel(p *rule.Pass) {
	if !p.Settings.StrictLabels {
		return
	}
	for l := range labels.All(p.File) {
		if _, ok := p.Settings.Labels[l.Name]; !ok {
			p.Reportf(l.KeySpan, "the label "+l.Name+" is not among the listed ones")
		}
	}
}
