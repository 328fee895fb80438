package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var buildToolsLeft = rule.Rule{
	Meta: rule.Meta{
		Name:     "build-tools-left",
		Family:   rule.Fat,
		Summary:  "the final stage installs no build tools",
		Why:      "Compilers and headers are needed to build, not to run. Install them in a stage of its own and copy what they make.",
		Bad:      "FROM debian:12-slim\nRUN apt-get update && apt-get install -y gcc make\nUSER 10001\n",
		Good:     "FROM debian:12-slim AS build\nRUN apt-get update && apt-get install -y gcc make\nFROM debian:12-slim\nCOPY --from=build /app /app\nUSER 10001\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkBuildToolsLeft,
}

func checkBuildToolsLeft(p *rule.Pass) {
	for in, c := range walk.Commands(p.File) {
		if !p.File.Shipped(in.Stage) {
			continue
		}
		packages, ok := walk.Install(c, "apt-get", "apt", "apk", "yum", "dnf", "microdnf", "zypper")
		if !ok || c.HasFlag("--virtual", "-t") && c.Name == "apk" {
			continue
		}
		for _, pkg := range packages {
			name, _, _ := strings.Cut(pkg.Text, "=")
			if slices.Contains(buildTools, name) || strings.HasSuffix(name, "-dev") || strings.HasSuffix(name, "-devel") {
				p.Reportf(pkg.Span, name+" is for building and stays in the image; install it in a stage of its own")
			}
		}
	}
}

var buildTools = []string{"gcc", "g++", "clang", "make", "cmake", "build-essential", "build-base", "autoconf", "automake", "libtool", "ninja-build", "golang", "cargo", "rustc", "maven", "default-jdk", "gcc-c++"}
