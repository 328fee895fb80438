package rules

import (
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var copyRoot = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-root",
		Aliases:  []string{"DL3067"},
		Family:   rule.Fat,
		Summary:  "COPY --from does not copy a whole root filesystem",
		Why:      "Copying / of another stage takes its compilers, caches and package lists along, and leaves out what an image's configuration said: environment, user, entrypoint. Copy what the program needs.",
		Bad:      "FROM golang:1.24 AS build\nRUN make\n\nFROM scratch\nCOPY --from=build / /\n",
		Good:     "FROM golang:1.24 AS build\nRUN make\n\nFROM scratch\nCOPY --from=build /app /app\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkCopyRoot,
}

func checkCopyRoot(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.CopyCommand)
		if !ok || c.From == "" {
			continue
		}
		sources, dest := in.Copied()
		if to, _ := p.File.Expand(in, dest.Text); to != "/" {
			continue
		}
		for _, s := range sources {
			if from, _ := p.File.Expand(in, s.Text); from == "/" {
				p.Reportf(in.Span(), "everything in "+c.From+" is copied; copy what the program needs")
				break
			}
		}
	}
}
