package rules

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suggest"
)

var directiveTypo = rule.Rule{
	Meta: rule.Meta{
		Name:     "directive-typo",
		Family:   rule.Hygiene,
		Summary:  "parser directives are spelled correctly and at the top of the file",
		Why:      "`# syntax=`, `# escape=` and `# check=` count only before the first blank line, other comment or instruction. Anywhere else, or with a letter wrong, they are comments, and nobody says so.",
		Bad:      "# syntaks=docker/dockerfile:1\nFROM debian:12\n",
		Good:     "# syntax=docker/dockerfile:1\nFROM debian:12\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkDirectiveTypo,
}

var directive = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^#[ \t]*([a-zA-Z][a-zA-Z0-9]*)[ \t]*=[ \t]*(\S+)[ \t]*$`)
})

var directives = []string{"syntax", "escape", "check"}

func checkDirectiveTypo(p *rule.Pass) {
	top := true
	for n := 1; n < p.File.Instructions[0].Node.StartLine; n++ {
		line := p.File.Line(n)
		m := directive().FindSubmatchIndex(line)
		if m == nil {
			top = top && n == 1 && bytes.HasPrefix(line, []byte("#!"))
			continue
		}
		name := strings.ToLower(string(line[m[2]:m[3]]))
		start := p.File.LineStart(n)
		span := source.Span{Start: start + m[2], End: start + m[3]}
		if slices.Contains(directives, name) {
			if !top && name != "check" {
				p.Reportf(span, "the directive "+name+" counts only at the top of the file; here it is a comment")
			}
			continue
		}
		if near := suggest.Typo(name, directives); near != "" && means(near, string(line[m[4]:m[5]])) {
			finding := rule.Finding{Span: span, Message: "there is no directive " + name + "; did you mean " + near + "?"}
			if top && !repeated(p.File, n, near) {
				finding.Fix = &rule.Fix{Title: "Write " + near, Safety: rule.Unsafe, Edits: []source.Edit{{Span: span, New: near}}}
			}
			p.Report(finding)
		}
		top = false
	}
}

// means reports whether a value is one that the directive could have.
func means(name, value string) bool {
	switch name {
	case "escape":
		return value == "`" || value == `\`
	case "check":
		return strings.HasPrefix(value, "skip=") || strings.HasPrefix(value, "error=") || strings.HasPrefix(value, "experimental=")
	}
	return strings.Contains(value, "/") || strings.Contains(value, ":")
}

// repeated reports whether a directive stands on another line at the top.
func repeated(f *dockerfile.File, except int, name string) bool {
	for n := 1; n < f.Instructions[0].Node.StartLine; n++ {
		m := directive().FindSubmatch(f.Line(n))
		if n != except && m != nil && strings.EqualFold(string(m[1]), name) {
			return true
		}
	}
	return false
}
