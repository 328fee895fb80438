package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var bareStage = rule.Rule{
	Meta: rule.Meta{
		Name:     "bare-stage",
		Family:   rule.Fat,
		Summary:  "a stage that only copies a static binary is FROM scratch",
		Why:      "A final stage that runs nothing and only copies a result uses of its distribution a few files at most: certificates, time zones, a libc. gcr.io/distroless/static has the first two, gcr.io/distroless/base a libc besides, scratch nothing; none of them has a shell or a package manager to patch.",
		Bad:      "FROM golang:1.26 AS build\nRUN go build -o /app .\nFROM alpine:3.22\nCOPY --from=build /app /app\nUSER 10001\nENTRYPOINT [\"/app\"]\n",
		Good:     "FROM golang:1.26 AS build\nRUN go build -o /app .\nFROM gcr.io/distroless/static-debian13\nCOPY --from=build /app /app\nUSER 10001\nENTRYPOINT [\"/app\"]\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{},
	},
	Check: checkBareStage,
}

func checkBareStage(p *rule.Pass) {
	final := p.File.Final()
	base, known := p.File.BaseName(final)
	if !known || final.Parent >= 0 || !plainSystem(base) {
		return
	}
	copied := false
	for _, in := range p.File.In(final.Index) {
		switch in.Keyword {
		case "run":
			return
		case "copy":
			if from, ok := in.Flag("from"); ok && p.File.StageNamed(from.Value, final.Index) >= 0 {
				copied = true
			}
		case "cmd", "entrypoint":
			if !in.Node.Attributes["json"] {
				return // it needs a shell
			}
			if words := in.Words(); len(words) > 0 && slices.Contains([]string{"sh", "/bin/sh", "bash", "/bin/bash", "ash"}, words[0].Text) {
				return
			}
		}
	}
	if copied {
		p.Reportf(walk.BaseSpan(p.File, final), "nothing of "+base+" is used but perhaps its certificates and libc; gcr.io/distroless/static, gcr.io/distroless/base or scratch would do")
	}
}

// plainSystem reports whether an image is a distribution and nothing besides.
func plainSystem(ref string) bool {
	name, _, _ := walk.Image(ref)
	for _, p := range []string{"docker.io/", "library/"} {
		name = strings.TrimPrefix(name, p)
	}
	return slices.Contains([]string{"alpine", "debian", "ubuntu", "busybox", "fedora", "centos", "rockylinux", "almalinux", "amazonlinux", "oraclelinux", "redhat/ubi8-minimal", "redhat/ubi9-minimal", "registry.access.redhat.com/ubi8/ubi-minimal", "registry.access.redhat.com/ubi9/ubi-minimal", "photon"}, name)
}
