package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/labels"
)

var labelKey = rule.Rule{
	Meta: rule.Meta{
		Name:     "label-key",
		Aliases:  []string{"DL3048"},
		Family:   rule.Hygiene,
		Summary:  "label keys follow Docker's naming rules",
		Why:      "A key begins with a lower-case letter, ends with a letter or digit, and is made of lower-case letters, digits, single dots and single hyphens; underscores are common and taken. Docker keeps com.docker, io.docker and org.dockerproject for itself (docs.docker.com/engine/manage-resources/labels).",
		Bad:      "FROM debian:12\nLABEL Build_Date=2026-03-10\n",
		Good:     "FROM debian:12\nLABEL org.opencontainers.image.created=2026-03-10T00:00:00Z\n",
		Severity: rule.Style,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkLabelKey,
}

func checkLabelKey(p *rule.Pass) {
	for l := range labels.All(p.File) {
		// A variable in a key is as wrong as its dollar sign.
		if wrong := wrongKey(strings.Trim(l.Key, `"'`)); wrong != "" {
			p.Reportf(l.KeySpan, "the label key "+l.Key+" "+wrong)
		}
	}
}

// wrongKey says what is wrong with a label's key.
func wrongKey(key string) string {
	for _, reserved := range []string{"com.docker.", "io.docker.", "org.dockerproject."} {
		if strings.HasPrefix(key, reserved) {
			return "is in a namespace that Docker keeps for itself"
		}
	}
	switch {
	case key == "":
		return "is empty"
	case strings.ContainsFunc(key, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789._-", r) }):
		return "has characters other than lower-case letters, digits, dots, hyphens and underscores"
	case key[0] < 'a':
		return "does not begin with a letter"
	case strings.HasSuffix(key, ".") || strings.HasSuffix(key, "-"):
		return "does not end with a letter or digit"
	case strings.Contains(key, "..") || strings.Contains(key, "--"):
		return "has two dots or hyphens in a row"
	}
	return ""
}
