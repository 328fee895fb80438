// Package docs holds the rule pages made from the rules by go generate.
package docs

import (
	"embed"
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// Pages holds one Markdown file for each rule.
//
//go:embed *.md
var Pages embed.FS

// All adds to rules those that the engine reports itself, which have a page too.
func All(rules []rule.Rule) []rule.Rule {
	out := rules[:len(rules):len(rules)]
	for _, m := range lint.Engine() {
		out = append(out, rule.Rule{Meta: *m})
	}
	return out
}

// Page returns the page of a rule.
func Page(m rule.Meta) (name, text string) {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n\n", m.Name, capital(m.Summary))
	fmt.Fprintf(&b, "Family: %s. Severity: %s. Fix: %s. Presets: %s.\n", m.Family, m.Severity, m.Fixable, strings.Join(append(m.Presets, "strict"), ", "))
	if len(m.Aliases) > 0 {
		fmt.Fprintf(&b, "\nOther tools call it %s; these names work in comments and on the command line.\n", strings.Join(m.Aliases, ", "))
	}
	fmt.Fprintf(&b, "\n## Why\n\n%s\n\n", m.Why)
	fmt.Fprintf(&b, "## Reported\n\n```dockerfile\n%s```\n\n## Not reported\n\n```dockerfile\n%s```\n", m.Bad, m.Good)
	return m.Name + ".md", b.String()
}

// Table returns the rows of the README's table.
func Table(rules []rule.Rule) string {
	var b strings.Builder
	b.WriteString("| rule | says | family | severity | fix |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range rules {
		fmt.Fprintf(&b, "| [%s](lint/docs/%s.md) | %s | %s | %s | %s |\n", r.Name, r.Name, r.Summary, r.Family, r.Severity, r.Fixable)
	}
	return b.String()
}

// Splice puts text between the markers <!-- name --> and <!-- /name -->.
func Splice(page, name, text string) (string, error) {
	open, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	i, j := strings.Index(page, open), strings.Index(page, end)
	if i < 0 || j < i {
		return "", fmt.Errorf("the markers of %s are missing", name)
	}
	return page[:i+len(open)] + text + page[j:], nil
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
