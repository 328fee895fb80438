package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var copyEverything = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-everything",
		Family:   rule.Fat,
		Summary:  "COPY names files instead of the whole build context",
		Why:      "COPY . takes whatever lies in the context: history, tests, editors' files, tomorrow's secrets. Every change of any of them builds the layer anew. Copy what the image needs, or build in another stage and copy the result. A .dockerignore that lets only some files through is as good; the rule does not ask for it to be right.",
		Bad:      "FROM node:22\nCOPY . /app\n",
		Good:     "FROM node:22\nCOPY package.json package-lock.json src/ /app/\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{},
	},
	Check: checkCopyEverything,
}

func checkCopyEverything(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, isCopy := in.Command.(*instructions.CopyCommand)
		_, isAdd := in.Command.(*instructions.AddCommand)
		if !isAdd && (!isCopy || c.From != "") || in.Trigger || !p.File.Shipped(in.Stage) {
			continue
		}
		sources, _ := in.Copied()
		for _, s := range sources {
			name, known := p.File.Expand(in, s.Text)
			if name = path.Clean(name); !known || name != "." && name != "/" && name != "*" {
				continue
			}
			message := "the whole context is copied into the image"
			if p.Context != nil {
				if slices.ContainsFunc(p.Context.Files(), func(f string) bool { return strings.HasPrefix(f, ".git/") }) {
					message += ", .git with it"
				}
			}
			p.Reportf(s.Span, message+"; name what it needs")
		}
	}
}
