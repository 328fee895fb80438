package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/source"
)

var constantPlatform = rule.Rule{
	Meta: rule.Meta{
		Name:     "constant-platform",
		Aliases:  []string{"DL3029", "FromPlatformFlagConstDisallowed", "b16e8501-ef3c-44e1-a543-a093238099c9", "avoid-platform-with-from"},
		Family:   rule.Hygiene,
		Summary:  "FROM --platform is not a constant",
		Why:      "A constant platform makes every build one for that platform, whatever it was asked for: on other machines it runs under emulation, and a multi-platform image gets the same content twice. Use `$BUILDPLATFORM` for a stage that cross-compiles, and no flag where the image's own platform is meant. A stage that is named after the platform says that it means it.",
		Bad:      "FROM --platform=linux/amd64 debian:12 AS build\n",
		Good:     "FROM --platform=$BUILDPLATFORM debian:12 AS build\nFROM --platform=linux/arm64 debian:12 AS arm64-tools\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkConstantPlatform,
}

func checkConstantPlatform(p *rule.Pass) {
	for i := range p.File.Stages {
		s := &p.File.Stages[i]
		flag, ok := p.File.Instructions[s.From].Flag("platform")
		if !ok || strings.Contains(flag.Value, "$") {
			continue
		}
		platform, ok := dockerfile.ParsePlatform(flag.Value)
		if !ok || strings.Contains(s.Name, platform.OS) || strings.Contains(s.Name, platform.Architecture) {
			continue
		}
		fix := rule.Fix{Title: "Use $BUILDPLATFORM", Safety: rule.Suggestion, Edits: []source.Edit{{Span: flag.ValueSpan, New: "$BUILDPLATFORM"}}}
		if p.File.Shipped(i) {
			fix = rule.Fix{Title: "Leave the platform to the build", Safety: rule.Suggestion, Edits: edit.Word(p.File, flag.Span)}
		}
		p.Report(rule.Finding{Span: flag.Span, Message: "the platform is always " + flag.Value + ", whatever the build is for", Fix: &fix})
	}
}
