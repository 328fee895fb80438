package rules

import (
	"github.com/github/go-spdx/v2/spdxexp"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var labelSpdx = rule.Rule{
	Meta: rule.Meta{
		Name:     "label-spdx",
		Aliases:  []string{"DL3054"},
		Family:   rule.Hygiene,
		Summary:  "labels of type spdx are SPDX licence expressions",
		Why:      "Licence scanners read SPDX expressions, such as Apache-2.0 or MIT OR BSD-3-Clause. The rule speaks of labels to which the setting `labels` gives the type `spdx`, and not where a build argument fills the value in.",
		Bad:      "FROM debian:12\nLABEL org.opencontainers.image.licenses=\"Apache 2\"\n",
		Good:     "FROM debian:12\nLABEL org.opencontainers.image.licenses=\"Apache-2.0\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{Labels: map[string]string{"org.opencontainers.image.licenses": "spdx"}},
	},
	Check: func(p *rule.Pass) {
		labels.Typed(p, "spdx", isLicence, "an SPDX licence expression")
	},
}

// isLicence reads SPDX expressions of listed licences (spdx.org/licenses).
func isLicence(s string) bool {
	ok, _ := spdxexp.ValidateLicenses([]string{s})
	return ok
}
