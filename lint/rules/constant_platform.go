package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/source"
)

var constantPlatform = rule.Rule{
	Meta: rule.Meta{
		Name:     "constant-platform",
		Aliases:  []string{"DL3029", "FromPlatformFlagConstDisallowed"},
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
		os, arch, ok := parsePlatform(flag.Value)
		if !ok || strings.Contains(s.Name, os) || strings.Contains(s.Name, arch) {
			continue
		}
		fix := rule.Fix{Title: "Use $BUILDPLATFORM", Safety: rule.Suggestion, Edits: []source.Edit{{Span: flag.ValueSpan, New: "$BUILDPLATFORM"}}}
		if p.File.Shipped(i) {
			fix = rule.Fix{Title: "Leave the platform to the build", Safety: rule.Suggestion, Edits: edit.Word(p.File, flag.Span)}
		}
		p.Report(rule.Finding{Span: flag.Span, Message: "the platform is always " + flag.Value + ", whatever the build is for", Fix: &fix})
	}
}

// parsePlatform reads os/arch[/variant], or one of the first two alone, as
// BuildKit does (github.com/containerd/platforms). What is left out is what
// most images are for.
func parsePlatform(text string) (os, arch string, ok bool) {
	parts := strings.Split(strings.ToLower(text), "/")
	os, _, _ = strings.Cut(parts[0], "(")
	if os == "macos" {
		os = "darwin"
	}
	switch {
	case len(parts) > 3 || slices.Contains(parts, "") || strings.Trim(strings.Join(parts, ""), "abcdefghijklmnopqrstuvwxyz0123456789_.-()") != "":
		return "", "", false
	case len(parts) > 1:
		return os, architecture(parts[1]), true
	case slices.Contains(systems, os):
		return os, "amd64", true
	case slices.Contains(architectures, architecture(os)):
		return "linux", architecture(os), true
	}
	return "", "", false
}

var (
	systems       = []string{"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd", "openbsd", "plan9", "solaris", "windows", "zos"}
	architectures = []string{
		"386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "ppc64", "ppc64le", "loong64", "mips", "mipsle", "mips64", "mips64le",
		"mips64p32", "mips64p32le", "ppc", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm",
	}
)

// architecture is the name that Go gives to an architecture.
func architecture(name string) string {
	switch name {
	case "i386":
		return "386"
	case "x86_64", "x86-64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "armhf", "armel":
		return "arm"
	}
	return name
}
