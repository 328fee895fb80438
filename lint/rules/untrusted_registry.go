package rules

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var untrustedRegistry = rule.Rule{
	Meta: rule.Meta{
		Name:     "untrusted-registry",
		Aliases:  []string{"DL3026"},
		Family:   rule.Pins,
		Summary:  "images come from trusted registries",
		Why:      "Whoever runs a registry decides what an image is. The rule speaks when the setting `trusted-registries` lists some, and looks at FROM, COPY --from and RUN --mount=from. In a pattern `*` stands for any text; one with a slash, such as `ghcr.io/acme/*`, is about the whole name. An image without a registry comes from docker.io.",
		Bad:      "FROM registry.example.test/debian:12\n",
		Good:     "FROM debian:12\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
		Settings: rule.Settings{TrustedRegistries: []string{"docker.io"}},
	},
	Check: checkUntrustedRegistry,
}

func checkUntrustedRegistry(p *rule.Pass) {
	trusted := p.Settings.TrustedRegistries
	if len(trusted) == 0 {
		return
	}
	report := func(w dockerfile.Word, image string) {
		registry, name := registryOf(image)
		if !slices.ContainsFunc(trusted, func(pattern string) bool { return trusts(pattern, registry, name) }) {
			p.Reportf(w.Span, "the image "+image+" comes from "+registry+", which is not among the trusted registries")
		}
	}
	for stage, image := range walk.Bases(p.File) {
		report(dockerfile.Word{Span: walk.BaseSpan(p.File, stage)}, image)
	}
	for _, in := range p.File.Instructions {
		switch in.Command.(type) {
		case *instructions.CopyCommand, *instructions.RunCommand:
			for _, w := range walk.Froms(in) {
				if w.Text != "" && w.Text != "scratch" && !strings.Contains(w.Text, "$") && p.File.StageNamed(w.Text, len(p.File.Stages)) < 0 {
					report(w, w.Text)
				}
			}
		}
	}
}

// hub are the names of Docker Hub.
var hub = []string{"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com"}

// registryOf tells the registry of an image and its whole name.
func registryOf(image string) (registry, name string) {
	image, _, _ = walk.Image(image)
	first, rest, ok := strings.Cut(image, "/")
	if !ok || !strings.ContainsAny(first, ".:") && first != "localhost" {
		return "docker.io", "docker.io/" + image
	}
	if slices.Contains(hub, first) {
		first = "docker.io"
	}
	return first, first + "/" + rest
}

func trusts(pattern, registry, name string) bool {
	if strings.Contains(pattern, "/") {
		return wild(pattern, name)
	}
	if registry == "docker.io" {
		return slices.ContainsFunc(hub, func(h string) bool { return wild(pattern, h) })
	}
	return wild(pattern, registry)
}

// wild matches a text with a pattern in which * stands for any text.
func wild(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return text == pattern
	}
	text, begins := strings.CutPrefix(text, parts[0])
	text, ends := strings.CutSuffix(text, parts[last])
	if !begins || !ends {
		return false
	}
	for _, part := range parts[1:last] {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return true
}
