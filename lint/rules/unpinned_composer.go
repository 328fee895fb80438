package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedComposer = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-composer",
		Family:   rule.Pins,
		Summary:  "composer requires named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM composer:2\nRUN composer global require laravel/installer\n",
		Good:     "FROM composer:2\nRUN composer global require laravel/installer:5.14.0\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkUnpinnedComposer,
}

func checkUnpinnedComposer(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "composer") {
		if v.Action == walk.Installs {
			v.Packages = withoutVersions(v.Packages)
			words.Unpinned(p, in, v, pinnedComposer, "%s:VERSION")
		}
	}
}

// withoutVersions leaves out the packages that a word of its own names the
// version of, and those words: composer require acme/tool 1.2.
func withoutVersions(words []dockerfile.Arg) []dockerfile.Arg {
	var out []dockerfile.Arg
	for _, w := range words {
		if w.Literal && !strings.Contains(w.Text, "/") && strings.ContainsAny(w.Text, "0123456789") && len(out) > 0 {
			out = out[:len(out)-1]
			continue
		}
		out = append(out, w)
	}
	return out
}

func pinnedComposer(name string) bool { return strings.ContainsAny(name, ":= ") }
