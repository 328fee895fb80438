package format

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// colours of severities, as SGR parameters.
var colours = map[rule.Severity]string{rule.Error: "31", rule.Warning: "33", rule.Info: "36", rule.Style: "2"}

// maxSource is how much of a line is shown, in bytes.
const maxSource = 200

// Text writes each diagnostic with its line of source and a caret.
func Text(w io.Writer, diags []lint.Diagnostic, o Options) error {
	var b bytes.Buffer
	paint := func(code, s string) string {
		if !o.Color {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	for _, d := range diags {
		at := d.File.Pos(d.Span.Start)
		fmt.Fprintf(&b, "%s:%d:%d: %s: %s %s\n", d.File.Name, at.Line, at.Col, paint(colours[d.Severity], d.Severity.String()), d.Message, paint("2", "["+d.Rule.Name+"]"))
		line := string(d.File.Line(at.Line))
		if len(line) > maxSource {
			continue
		}
		length := max(1, min(d.Span.End-d.Span.Start, len(line)-at.Col+1))
		// Tabs stay tabs, so that the caret stands under what it means.
		pad := strings.Map(func(r rune) rune {
			if r == '\t' {
				return r
			}
			return ' '
		}, line[:min(at.Col-1, len(line))])
		fmt.Fprintf(&b, "    %s\n    %s%s\n", line, pad, paint(colours[d.Severity], "^"+strings.Repeat("~", length-1)))
	}
	_, err := w.Write(b.Bytes())
	return err
}
