// Package format writes diagnostics for people and for other programs.
package format

import (
	"fmt"
	"io"

	"github.com/whittle-oci/whittle/lint"
)

// Text writes one line for each diagnostic.
func Text(w io.Writer, diags []lint.Diagnostic) error {
	for _, d := range diags {
		at := d.File.Pos(d.Span.Start)
		if _, err := fmt.Fprintf(w, "%s:%d:%d: %s: %s [%s]\n", d.File.Name, at.Line, at.Col, d.Rule.Severity, d.Message, d.Rule.ID); err != nil {
			return err
		}
	}
	return nil
}
