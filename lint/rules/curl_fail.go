package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var curlFail = rule.Rule{
	Meta: rule.Meta{
		Name:     "curl-fail",
		Aliases:  []string{"DF035"},
		Family:   rule.Hygiene,
		Summary:  "curl fails on HTTP errors",
		Why:      "Without --fail, curl takes a page that says 404 for the download, and the build goes on with it.",
		Bad:      "FROM debian:12\nRUN curl -sSL -o /app.tar https://example.test/app.tar\n",
		Good:     "FROM debian:12\nRUN curl -fsSL -o /app.tar https://example.test/app.tar\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{"recommended"},
	},
	Check: checkCurlFail,
}

func checkCurlFail(p *rule.Pass) {
	for _, c := range walk.Named(p.File, "curl") {
		if !saves(c) || c.HasFlag("-f", "--fail", "--fail-with-body", "--fail-early", "-w", "--write-out", "-I", "--head", "-K", "--config") {
			continue
		}
		p.Report(rule.Finding{Span: c.Span, Message: "curl saves the page of an error like a download; add -f", Fix: addFail(p.File, c)})
	}
}

// addFail puts -f among the short flags that follow the name, as in -fsSL, else
// before what follows it.
func addFail(f *dockerfile.File, c dockerfile.Command) *rule.Fix {
	fix := walk.AddFlag(f, c, c.NameSpan, "-f")
	if first := c.Args[0]; len(first.Text) > 1 && first.Text[0] == '-' && strings.Trim(strings.TrimSuffix(first.Text[1:], "o"), "#JLOSgikqsv") == "" && first.Text != "-o" &&
		string(f.Bytes[first.Span.Start:first.Span.End]) == first.Text {
		at := first.Span.Start + len("-")
		if first.Text[1] == 'q' { // which counts only in front
			at++
		}
		fix.Edits = []source.Edit{{Span: source.Span{Start: at, End: at}, New: "f"}}
	}
	return fix
}

// saves reports whether curl writes a download to a file.
func saves(c dockerfile.Command) bool {
	for _, a := range c.Args {
		if a.Text == "--output" || a.Text == "--remote-name" || a.Text == "--remote-name-all" || strings.HasPrefix(a.Text, "--output=") ||
			len(a.Text) > 1 && a.Text[0] == '-' && a.Text[1] != '-' && strings.ContainsAny(a.Text, "oO") {
			return true
		}
	}
	return false
}
