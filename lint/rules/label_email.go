package rules

import (
	"net/mail"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var labelEmail = rule.Rule{
	Meta: rule.Meta{
		Name:     "label-email",
		Aliases:  []string{"DL3058"},
		Family:   rule.Hygiene,
		Summary:  "labels of type email are email addresses",
		Why:      "Whoever finds something wrong with the image needs an address that mail reaches. The rule speaks of labels to which the setting `labels` gives the type `email`, and not where a build argument fills the value in.",
		Bad:      "FROM debian:12\nLABEL maintainer=\"Ann\"\n",
		Good:     "FROM debian:12\nLABEL maintainer=\"ann@example.test\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{Labels: map[string]string{"maintainer": "email"}},
	},
	Check: func(p *rule.Pass) {
		labels.Typed(p, "email", isAddress, "an e-mail address")
	},
}

// isAddress wants an address and nothing else.
func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}
