package rules

import (
	"strings"

	"golang.org/x/mod/semver"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var labelSemver = rule.Rule{
	Meta: rule.Meta{
		Name:     "label-semver",
		Aliases:  []string{"DL3056"},
		Family:   rule.Hygiene,
		Summary:  "labels of type semver are semantic versions",
		Why:      "Tools that compare versions read those of semver.org. The rule speaks of labels to which the setting `labels` gives the type `semver`, and not where a build argument fills the value in.",
		Bad:      "FROM debian:12\nLABEL org.opencontainers.image.version=\"next\"\n",
		Good:     "FROM debian:12\nLABEL org.opencontainers.image.version=\"1.4.0-rc.1\"\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{Labels: map[string]string{"org.opencontainers.image.version": "semver"}},
	},
	Check: func(p *rule.Pass) {
		labels.Typed(p, "semver", isSemver, "a version as semver.org writes it")
	},
}

// isSemver wants all three numbers (semver.org).
func isSemver(s string) bool {
	v := "v" + s
	core, _, _ := strings.Cut(s, "-")
	core, _, _ = strings.Cut(core, "+")
	return semver.IsValid(v) && strings.Count(core, ".") == 2
}
