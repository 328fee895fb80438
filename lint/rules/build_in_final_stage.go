package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var buildInFinalStage = rule.Rule{
	Meta: rule.Meta{
		Name:     "build-in-final-stage",
		Family:   rule.Fat,
		Summary:  "programs are compiled in a build stage, not in the final one",
		Why:      "What a build needs, the compiler, the sources, the modules it downloaded, stays in the image that it runs in. Build in a stage of its own and copy the result; whittle build does so by itself.",
		Bad:      "FROM golang:1.26\nCOPY . .\nRUN go build -o /app .\nCMD [\"/app\"]\n",
		Good:     "FROM golang:1.26 AS build\nCOPY . .\nRUN go build -o /app .\nFROM gcr.io/distroless/static-debian13:nonroot\nCOPY --from=build /app /app\nCMD [\"/app\"]\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkBuildInFinalStage,
}

func checkBuildInFinalStage(p *rule.Pass) {
	for in, c := range walk.Commands(p.File) {
		if !p.File.Shipped(in.Stage) || in.Trigger {
			continue
		}
		if builds(c) {
			p.Reportf(c.Span, "the image is built where it runs, and keeps what only the build needs; build in a stage of its own and copy the result")
		}
	}
}

// builds reports whether a command compiles a program.
func builds(c dockerfile.Command) bool {
	verb, next := "", ""
	for _, a := range c.Args {
		switch {
		case strings.HasPrefix(a.Text, "-") || strings.HasPrefix(a.Text, "+"):
		case verb == "":
			verb = a.Text
		case next == "":
			next = a.Text
		}
	}
	switch c.Name {
	case "go", "cargo", "swift", "zig", "crystal", "dart", "nimble":
		return verb == "build" || verb == "install" || verb == "compile"
	case "mvn", "mvnw":
		return c.Has("package", "install", "compile", "verify", "deploy")
	case "gradle", "gradlew":
		return c.Has("build", "assemble", "bootJar", "shadowJar", "installDist", "jar")
	case "dotnet":
		return verb == "build" || verb == "publish"
	case "npm", "pnpm", "yarn", "bun":
		return verb == "run" && strings.HasPrefix(next, "build") || verb == "build"
	case "sbt":
		return c.Has("assembly", "package", "stage", "compile")
	case "mix":
		return verb == "release" || verb == "compile"
	case "stack", "cabal":
		return verb == "build" || verb == "install"
	case "ng":
		return verb == "build"
	case "cmake":
		return c.HasFlag("--build")
	}
	return false
}
