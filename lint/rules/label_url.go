package rules

import (
	"net/url"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var labelURL = rule.Rule{
	Meta: rule.Meta{
		Name:     "label-url",
		Aliases:  []string{"DL3052"},
		Family:   rule.Hygiene,
		Summary:  "labels of type url are URLs",
		Why:      "A link that is none helps nobody who looks at the image. The rule speaks of labels to which the setting `labels` gives the type `url`, and not where a build argument fills the value in.",
		Bad:      "FROM debian:12\nLABEL org.opencontainers.image.url=\"example\"\n",
		Good:     "FROM debian:12\nLABEL org.opencontainers.image.url=\"https://example.test/shop\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{Labels: map[string]string{"org.opencontainers.image.url": "url"}},
	},
	Check: func(p *rule.Pass) {
		labels.Typed(p, "url", isURL, "a URL")
	},
}

// isURL wants a scheme and a host.
func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "")
}
