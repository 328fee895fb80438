package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var copyIgnoredFile = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-ignored-file",
		Aliases:  []string{"CopyIgnoredFile"},
		Family:   rule.Hygiene,
		Summary:  "COPY names no file that .dockerignore excludes",
		Why:      "A build does not get what .dockerignore leaves out, so COPY does not find it and fails, or copies nothing. The rule needs the build context.",
		Bad:      "FROM debian:12\nCOPY secret.txt /\n",
		Good:     "FROM debian:12\nCOPY app /\n",
		Context:  ignores("secret.txt"),
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkCopyIgnoredFile,
}

func checkCopyIgnoredFile(p *rule.Pass) {
	if p.Context == nil {
		return
	}
	for _, in := range p.File.Instructions {
		c, isCopy := in.Command.(*instructions.CopyCommand)
		_, isAdd := in.Command.(*instructions.AddCommand)
		if !isAdd && (!isCopy || c.From != "") || in.Trigger {
			continue
		}
		sources, _ := in.Copied()
		for _, s := range sources {
			name, known := p.File.Expand(in, s.Text)
			if known && !fetched(name) && p.Context.Ignored(name) {
				p.Reportf(s.Span, "the ignore file leaves "+name+" out, so there is nothing to copy")
			}
		}
	}
}

// ignores is a context without one file, for the examples.
type ignores string

// Files implements rule.Context.
func (ignores) Files() []string { return nil }

// Ignored implements rule.Context.
func (i ignores) Ignored(name string) bool { return strings.TrimPrefix(name, "/") == string(i) }

// Holds implements rule.Context.
func (ignores) Holds(string, string) (holds, known bool) { return false, false }
