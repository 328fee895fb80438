package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedConda = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-conda",
		Family:   rule.Pins,
		Summary:  "conda installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM continuumio/miniconda3:25.3.1-1\nRUN conda install -y numpy\n",
		Good:     "FROM continuumio/miniconda3:25.3.1-1\nRUN conda install -y numpy=2.2.5\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkUnpinnedConda,
}

func checkUnpinnedConda(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "conda", "mamba", "micromamba") {
		if v.Is(walk.Installs) && !v.Has("--file", "-f") {
			words.Unpinned(p, in, v, pinnedConda, "%s=VERSION")
		}
	}
}

func pinnedConda(name string) bool { return strings.ContainsAny(name, "=<>/") }
