package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var labelTime = rule.Rule{
	Meta: rule.Meta{
		Name:     "label-time",
		Aliases:  []string{"DL3053"},
		Family:   rule.Hygiene,
		Summary:  "labels of type rfc3339 are RFC 3339 times",
		Why:      "Tools compare and sort times; they read one form of them, that of RFC 3339. The rule speaks of labels to which the setting `labels` gives the type `rfc3339`, and not where a build argument fills the value in.",
		Bad:      "FROM debian:12\nLABEL org.opencontainers.image.created=\"yesterday\"\n",
		Good:     "FROM debian:12\nLABEL org.opencontainers.image.created=\"2026-03-10T10:26:33Z\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{Labels: map[string]string{"org.opencontainers.image.created": "rfc3339"}},
	},
	Check: func(p *rule.Pass) {
		labels.Typed(p, "rfc3339", labels.IsTime, "a time as RFC 3339 writes it")
	},
}
