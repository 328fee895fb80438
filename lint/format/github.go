package format

import (
	"fmt"
	"io"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// GitHub writes workflow commands, which become annotations of a change.
func GitHub(w io.Writer, diags []lint.Diagnostic, _ Options) error {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commands := map[rule.Severity]string{rule.Error: "error", rule.Warning: "warning", rule.Info: "notice", rule.Style: "notice"}
	for _, d := range diags {
		from, to := d.File.Pos(d.Span.Start), d.File.Pos(d.Span.End)
		_, err := fmt.Fprintf(w, "::%s file=%s,line=%d,endLine=%d,col=%d,title=%s::%s\n",
			commands[d.Severity], property.Replace(slashed(d.File.Name)), from.Line, to.Line, from.Col, property.Replace(d.Rule.Name), message.Replace(d.Message))
		if err != nil {
			return err
		}
	}
	return nil
}
