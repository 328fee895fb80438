package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var fatBase = rule.Rule{
	Meta: rule.Meta{
		Name:     "fat-base",
		Family:   rule.Fat,
		Summary:  "the final stage is not built on a compiler's or a full distribution's image",
		Why:      "An image with a compiler, a package manager and a full distribution has hundreds of packages to patch that the program never uses. Build in one stage and copy the result into a slim, distroless or scratch one; whittle build does so by itself.",
		Bad:      "FROM golang:1.26\nUSER 10001\n",
		Good:     "FROM golang:1.26 AS build\nRUN go build -o /app .\nFROM gcr.io/distroless/static-debian13\nCOPY --from=build /app /app\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkFatBase,
}

func checkFatBase(p *rule.Pass) {
	stage := accounts.Base(p.File, p.File.Final().Index)
	base, known := p.File.BaseName(stage)
	if !known || base == "scratch" {
		return
	}
	if why := fatness(base); why != "" {
		p.Reportf(walk.BaseSpan(p.File, stage), "the image is built on "+base+", "+why)
	}
}

// compilers are images made to build with.
var compilers = []string{"golang", "rust", "gcc", "maven", "gradle", "swift", "haskell", "elixir", "erlang", "buildpack-deps", "openjdk", "sdk", "ghc", "clojure"}

// languages are images whose plain tag is a full distribution and whose slim
// or alpine tag is not.
var languages = []string{"node", "python", "ruby", "php", "perl", "debian", "ubuntu", "fedora", "centos", "rockylinux", "almalinux", "amazonlinux", "oraclelinux"}

// fatness says in what way an image is large, "" when it is not known to be.
func fatness(image string) string {
	name, tag, _ := walk.Image(image)
	base := path.Base(name)
	for _, small := range []string{"slim", "alpine", "distroless", "chiseled", "minimal", "static", "jre", "runtime", "nonroot"} {
		if strings.Contains(tag, small) || strings.Contains(name, small) {
			return ""
		}
	}
	switch {
	case slices.Contains(compilers, base) || strings.HasPrefix(name, "mcr.microsoft.com/dotnet/sdk"):
		return "which has a compiler in it; build in one stage and copy the result into a small one"
	case base == "eclipse-temurin" && strings.Contains(tag, "jdk"):
		return "which has a compiler in it; use the jre tag or copy the result into a small stage"
	case slices.Contains(languages, base):
		return "a full distribution; use its slim tag, or copy the result into a small stage"
	}
	return ""
}
