// Package docs holds the rule pages made from the rules by go generate.
package docs

import (
	"embed"
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
)

// Pages holds one Markdown file for each rule.
//
//go:embed *.md
var Pages embed.FS

// Page returns the page of a rule.
func Page(m rule.Meta) (name, text string) {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n%s.\n\n", m.ID, m.Name, capital(m.Summary))
	fmt.Fprintf(&b, "Severity: %s. Fix: %s.\n\n## Why\n\n%s\n\n", m.Severity, m.Fixable, m.Why)
	fmt.Fprintf(&b, "## Reported\n\n```dockerfile\n%s```\n\n## Not reported\n\n```dockerfile\n%s```\n", m.Bad, m.Good)
	return m.ID + ".md", b.String()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
