// Package docs holds the rule pages made from the rules by go generate.
package docs

import (
	"embed"
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/fix"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
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

// Page is the page of a rule: the one that was made from it, or for a rule that
// has none what is known of it.
func Page(m rule.Meta) string {
	if page, err := Pages.ReadFile(m.Name + ".md"); err == nil {
		return string(page)
	}
	_, page := Render(rule.Rule{Meta: m})
	return page
}

// Render makes the page of a rule. What its fixes are is seen on its example.
func Render(r rule.Rule) (name, text string) {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n\n", r.Name, capital(r.Summary))
	fmt.Fprintf(&b, "- Family: %s\n", r.Family)
	if r.URL == "" || len(r.Presets) > 0 {
		fmt.Fprintf(&b, "- Severity: %s\n- Presets: %s\n", r.Severity, strings.Join(append(r.Presets[:len(r.Presets):len(r.Presets)], "strict"), ", "))
	}
	safety, fixed := example(r)
	fmt.Fprintf(&b, "- Fix: %s%s\n", r.Fixable, safety)
	if r.URL == "" && r.Family != rule.Own {
		since := r.Since
		if since == "" {
			since = "the first release"
		}
		fmt.Fprintf(&b, "- Since: %s\n", since)
	}
	if tools := others(r.Meta); r.URL != "" {
		fmt.Fprintf(&b, "- Also: %s\n", strings.Join(r.Aliases, ", "))
	} else if tools != "" {
		fmt.Fprintf(&b, "- Other tools: %s; these names work in comments, configuration and flags, too\n", tools)
	}
	fmt.Fprintf(&b, "\n## Why\n\n%s\n", r.Why)
	for _, part := range []struct{ title, text string }{{"Reported", r.Bad}, {"Fixed", fixed}, {"Not reported", r.Good}} {
		if part.text != "" {
			fmt.Fprintf(&b, "\n## %s\n\n```dockerfile\n%s```\n", part.title, part.text)
		}
	}
	if r.Name != lint.Syntax.Name {
		fmt.Fprintf(&b, "\n## Suppressing\n\n`# whittle ignore=%s -- why` above an instruction, or `ignore: [%s]` in `.whittle.yaml`.\n", r.Name, r.Name)
	}
	return r.Name + ".md", b.String()
}

// safeties say what a fix asks of people.
var safeties = map[rule.Safety]string{
	rule.Safe:       "; it builds the same image",
	rule.Unsafe:     "; it may build a different image and so needs `--unsafe`",
	rule.Suggestion: "; it is shown, and applied by an editor alone",
}

// example runs a rule over its example: what its fix asks of people, and what
// the fixes make of the example.
func example(r rule.Rule) (safety, fixed string) {
	if r.Check == nil {
		return "", ""
	}
	f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(r.Bad)))
	if err != nil {
		return "", ""
	}
	p := &rule.Pass{File: f}
	r.Check(p)
	var sets []fix.Set
	for _, found := range p.Findings() {
		if found.Fix != nil {
			sets = append(sets, found.Fix.Edits)
			safety = safeties[found.Fix.Safety]
		}
	}
	if out, taken := fix.Apply(f.Bytes, sets); len(taken) > 0 {
		fixed = string(out)
	}
	return safety, fixed
}

// others lists what other tools call a rule, by tool.
func others(m rule.Meta) string {
	var out []string
	for _, tool := range append(rule.Tools(), "") {
		var names []string
		for _, a := range m.Aliases {
			if rule.Tool(a) == tool {
				names = append(names, a)
			}
		}
		if len(names) > 0 {
			out = append(out, strings.TrimSpace(tool+" "+strings.Join(names, ", ")))
		}
	}
	return strings.Join(out, "; ")
}

// Index is the page that lists the rules by family.
func Index(rules []rule.Rule) string {
	var b strings.Builder
	b.WriteString("# Rules\n\n`whittle rules` lists them, `whittle explain RULE` shows a rule's page, under its name or another tool's. The severity is the default, and `fix` says whether `whittle lint --fix` or an editor can fix it. [lint.md](lint.md) is the manual; [custom-rules.md](custom-rules.md) describes rules that you add yourself; what needs a built image is in [rules-not-here.md](rules-not-here.md).\n")
	for _, family := range rule.Families() {
		fmt.Fprintf(&b, "\n## %s\n\n| rule | requires | severity | fix |\n| --- | --- | --- | --- |\n", capital(string(family)))
		for _, r := range rules {
			if r.Family == family {
				fmt.Fprintf(&b, "| [%s](../lint/docs/%s.md) | %s | %s | %s |\n", r.Name, r.Name, r.Summary, r.Severity, r.Fixable)
			}
		}
	}
	return b.String() + severities(rules)
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
