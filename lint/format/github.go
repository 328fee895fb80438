package format

import (
	"fmt"
	"io"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// GitHub writes workflow commands, which become annotations of a change.
func GitHub(w io.Writer, diags []lint.Diagnostic, o Options) error {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commands := map[rule.Severity]string{rule.Error: "error", rule.Warning: "warning", rule.Info: "notice", rule.Style: "notice"}
	for _, d := range diags {
		r := region(d, d.Span.Start, d.Span.End)
		where := fmt.Sprintf("line=%d,endLine=%d", r.StartLine, r.EndLine)
		if r.StartLine == r.EndLine { // columns are refused for several lines
			where += fmt.Sprintf(",col=%d,endColumn=%d", r.StartColumn, r.EndColumn)
		}
		_, err := fmt.Fprintf(w, "::%s file=%s,%s,title=%s::%s\n",
			commands[d.Severity], property.Replace(o.path(d.File.Name)), where, property.Replace(d.Rule.Name), message.Replace(d.Message))
		if err != nil {
			return err
		}
	}
	return nil
}
