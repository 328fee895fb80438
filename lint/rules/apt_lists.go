package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var aptLists = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-lists",
		Aliases:  []string{"DL3009", "DKL-DI-0005"},
		Family:   rule.Fat,
		Summary:  "apt's package lists do not stay in the layer",
		Why:      "apt-get update downloads some 20 MB of lists. Deleted in a later RUN they still are in the layer that made them; delete them in the same one, or mount a cache.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAptLists,
}

func checkAptLists(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "run" || !p.File.Shipped(in.Stage) || strings.Contains(in.Text.Text, "type=cache") || strings.Contains(in.Text.Text, "type=tmpfs") {
			continue
		}
		var update *dockerfile.Command
		cleaned := false
		for _, c := range p.File.Commands(in) {
			if (c.Name == "apt-get" || c.Name == "apt") && c.Has("update") {
				update = &c
			}
			if c.Name == "rm" && strings.Contains(commandText(p.File, c), "/var/lib/apt/lists") {
				cleaned = true
			}
		}
		if update == nil || cleaned {
			continue
		}
		finding := rule.Finding{Span: update.Span, Message: "apt's package lists stay in the layer; delete /var/lib/apt/lists/* in the same RUN"}
		if c, ok := in.Command.(*instructions.RunCommand); ok && len(c.Files) == 0 && c.PrependShell && endsPlain(in.Text.Text) {
			finding.Fix = &rule.Fix{Title: "Delete the lists in the same RUN", Safety: rule.Unsafe, Edits: []source.Edit{{Span: walk.After(in.Span()), New: " && rm -rf /var/lib/apt/lists/*"}}}
		}
		p.Report(finding)
	}
}

func commandText(f *dockerfile.File, c dockerfile.Command) string {
	return string(f.Bytes[c.Span.Start:c.Span.End])
}

// endsPlain reports whether && may be put behind a script: not after an
// operator or a comment.
func endsPlain(text string) bool {
	text = strings.TrimRight(text, " \t")
	return text != "" && !strings.ContainsAny(text[len(text)-1:], ";&|\\") && !strings.Contains(text, "#")
}
