package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedDotnetTool = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-dotnet-tool",
		Family:   rule.Pins,
		Summary:  "dotnet installs named versions of tools",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM mcr.microsoft.com/dotnet/sdk:9.0\nRUN dotnet tool install --global dotnet-ef\n",
		Good:     "FROM mcr.microsoft.com/dotnet/sdk:9.0\nRUN dotnet tool install --global dotnet-ef --version 9.0.4\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkUnpinnedDotnetTool,
}

func checkUnpinnedDotnetTool(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "dotnet") {
		if v.Group == "tool" && v.Action == walk.Installs && !v.Has("--version") {
			words.Unpinned(p, in, v, func(name string) bool { return strings.Contains(name, "@") }, "%s --version VERSION")
		}
	}
}
