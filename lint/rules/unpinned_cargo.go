package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedCargo = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-cargo",
		Family:   rule.Pins,
		Summary:  "cargo installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM rust:1.90\nRUN cargo install ripgrep\n",
		Good:     "FROM rust:1.90\nRUN cargo install --locked ripgrep@14.1.1\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkUnpinnedCargo,
}

func checkUnpinnedCargo(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "cargo") {
		if v.Is(walk.Installs) && !v.Has("--version", "--vers", "--path", "--rev", "--tag") {
			words.Unpinned(p, in, v, pinnedCargo, "%s@VERSION")
		}
	}
}

func pinnedCargo(name string) bool { return strings.Contains(name, "@") }
