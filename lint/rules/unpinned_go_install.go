package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedGoInstall = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-go-install",
		Aliases:  []string{"DL3062"},
		Family:   rule.Pins,
		Summary:  "go install, get and run name versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM golang:1.26\nRUN go install example.test/tool@latest\n",
		Good:     "FROM golang:1.26\nRUN go install example.test/tool@v1.2.3\nRUN go install ./...\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkUnpinnedGoInstall,
}

func checkUnpinnedGoInstall(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "go") {
		switch {
		case v.Is(walk.Runs) && len(v.Packages) > 0:
			v.Packages = v.Packages[:1] // the others are for the program
			fallthrough
		case v.Is(walk.Installs):
			words.Unpinned(p, in, v, pinnedGo, "%s@vX.Y.Z")
		}
	}
}

// pinnedGo takes a version, and packages of the module that is built: paths,
// and the words that go help packages reserves.
func pinnedGo(name string) bool {
	_, version, ok := strings.Cut(name, "@")
	if ok {
		return version != "latest" && version != "none"
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") || strings.HasSuffix(name, ".go") ||
		slices.Contains([]string{"all", "cmd", "std", "tool", "work"}, name)
}
