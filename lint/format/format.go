// Package format writes diagnostics for people and for other programs.
package format

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// A Writer writes all diagnostics of a run.
type Writer func(w io.Writer, diags []lint.Diagnostic, o Options) error

// Options are what a format may use.
type Options struct {
	Color   bool
	Hints   bool   // say how to have a finding fixed, in text
	Version string // of the program
	// Dir is the directory that reports name files from, and Here the one that
	// names are relative to; "" leaves names as they are.
	Dir, Here string
	// Once has one line stand for what a file does all the time, in text.
	Once bool
}

// table is every format in the order of the manual.
var table = []struct {
	name  string
	help  string
	write Writer
}{
	{"text", "for people: the line with a caret, and what to do", Text},
	{"json", "everything that is known of a finding", JSON},
	{"sarif", "SARIF 2.1.0, for code scanning", SARIF},
	{"github", "workflow commands, which become annotations of a change", GitHub},
	{"gitlab", "Code Quality report of GitLab", GitLab},
	{"checkstyle", "Checkstyle's XML", Checkstyle},
	{"codeclimate", "issues of Code Climate", CodeClimate},
	{"junit", "JUnit's XML, a test case for each finding", JUnit},
	{"sonarqube", "generic issues of SonarQube 10.3 and later", SonarQube},
	{"gnu", "FILE:LINE:COLUMN: severity: message, for editors", GNU},
	{"markdown", "a table, for comments and summaries", Markdown},
}

// Names lists the formats.
func Names() []string {
	out := make([]string, len(table))
	for i, f := range table {
		out[i] = f.name
	}
	return out
}

// Named finds a format by its name.
func Named(name string) (Writer, error) {
	i := slices.Index(Names(), name)
	if i < 0 {
		return nil, fmt.Errorf("the format %q is none of %s", name, strings.Join(Names(), ", "))
	}
	return table[i].write, nil
}

// Table is the table of formats for the manual.
func Table() string {
	var b strings.Builder
	b.WriteString("| format | is |\n| --- | --- |\n")
	for _, f := range table {
		fmt.Fprintf(&b, "| `%s` | %s |\n", f.name, f.help)
	}
	return b.String()
}

// URL is the page of a rule, "" where a custom rule has none.
func URL(m *rule.Meta) string {
	if m.URL != "" || m.Family == rule.Own {
		return m.URL
	}
	return "https://github.com/whittle-oci/whittle/blob/main/lint/docs/" + m.Name + ".md"
}

// explanation is why there is a rule, and where to read more.
func explanation(m *rule.Meta) string {
	return strings.TrimSpace(m.Why + "\n\n" + URL(m))
}

// path is a file as reports name it: from Dir where it is below it, since that is
// how the services that read reports know it, with slashes, without ./.
func (o Options) path(name string) string {
	full := name
	if !filepath.IsAbs(full) && o.Here != "" && name != "-" {
		full = filepath.Join(o.Here, full)
	}
	if o.Dir != "" && filepath.IsAbs(full) {
		if below, err := filepath.Rel(o.Dir, full); err == nil && filepath.IsLocal(below) {
			name = below
		}
	}
	return strings.TrimPrefix(filepath.ToSlash(name), "./")
}

// place is where a finding stands, with columns in bytes.
type place struct{ line, column, endLine, endColumn int }

func placeOf(d lint.Diagnostic) place {
	from, to := d.File.Pos(d.Span.Start), d.File.Pos(d.Span.End)
	return place{from.Line, from.Col, to.Line, to.Col}
}

// indented writes JSON that people can read.
func indented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// escaped is text for XML.
func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

// byFile gives the findings of each file, in the order in which files come.
func byFile(diags []lint.Diagnostic) [][]lint.Diagnostic {
	var out [][]lint.Diagnostic
	index := map[string]int{}
	for _, d := range diags {
		i, ok := index[d.File.Name]
		if !ok {
			i = len(out)
			index[d.File.Name] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], d)
	}
	return out
}

// rulesOf gives the rules that have something to say, in the order in which they
// say it first.
func rulesOf(diags []lint.Diagnostic) (rules []*rule.Meta, index map[string]int) {
	index = map[string]int{}
	for _, d := range diags {
		if _, ok := index[d.Rule.Name]; !ok {
			index[d.Rule.Name] = len(rules)
			rules = append(rules, d.Rule)
		}
	}
	return rules, index
}
