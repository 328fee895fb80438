package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var labelHash = rule.Rule{
	Meta: rule.Meta{
		Name:     "label-hash",
		Aliases:  []string{"DL3055"},
		Family:   rule.Hygiene,
		Summary:  "labels of type hash are commit hashes",
		Why:      "A commit is found by its whole hash of 40 digits or by the first seven. The rule speaks of labels to which the setting `labels` gives the type `hash`, and not where a build argument fills the value in.",
		Bad:      "FROM debian:12\nLABEL org.opencontainers.image.revision=\"main\"\n",
		Good:     "FROM debian:12\nLABEL org.opencontainers.image.revision=\"2dbfae9\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{Labels: map[string]string{"org.opencontainers.image.revision": "hash"}},
	},
	Check: func(p *rule.Pass) {
		labels.Typed(p, "hash", isCommit, "a git hash of 7 or 40 digits")
	},
}

// isCommit takes the two lengths in which git writes hashes.
func isCommit(s string) bool {
	return (len(s) == 7 || len(s) == 40) && strings.Trim(s, "0123456789abcdef") == ""
}
