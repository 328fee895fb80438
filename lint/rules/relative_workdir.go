package rules

import (
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var relativeWorkdir = rule.Rule{
	Meta: rule.Meta{
		Name:     "relative-workdir",
		Aliases:  []string{"DL3000", "WorkdirRelativePath"},
		Family:   rule.Hygiene,
		Summary:  "WORKDIR is absolute",
		Why:      "A relative WORKDIR depends on the one before it, in this stage or in the base image.",
		Bad:      "FROM debian:12\nWORKDIR app\n",
		Good:     "FROM debian:12\nWORKDIR /app\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkRelativeWorkdir,
}

func checkRelativeWorkdir(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.WorkdirCommand)
		if !ok {
			continue
		}
		dir, known := p.File.Expand(in, c.Path)
		if !known || path.IsAbs(dir) || strings.HasPrefix(dir, "$") || len(dir) > 1 && dir[1] == ':' {
			continue
		}
		span, _ := in.Find(c.Path)
		p.Reportf(span, "WORKDIR "+dir+" is relative; write it from /")
	}
}
