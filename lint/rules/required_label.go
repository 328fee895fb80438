package rules

import (
	"maps"
	"slices"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var requiredLabel = rule.Rule{
	Meta: rule.Meta{
		Name:     "required-label",
		Aliases:  []string{"DL3049"},
		Family:   rule.Hygiene,
		Summary:  "the image has the labels that it must have",
		Why:      "Inventories and cleaners of registries go by labels. The rule speaks when the setting `labels` lists some, and looks at the final stage and those it is made from: the labels of other stages are in no image.",
		Bad:      "FROM debian:12\nLABEL version=1\n",
		Good:     "FROM debian:12\nLABEL org.opencontainers.image.source=https://example.test/shop\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{Labels: map[string]string{"org.opencontainers.image.source": "url"}},
	},
	Check: checkRequiredLabel,
}

func checkRequiredLabel(p *rule.Pass) {
	missing := maps.Clone(p.Settings.Labels)
	for l := range labels.All(p.File) {
		if p.File.Shipped(l.In.Stage) && !l.In.Trigger {
			delete(missing, l.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		p.Reportf(walk.BaseSpan(p.File, p.File.Final()), "the image has no label "+name)
	}
}
