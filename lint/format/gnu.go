package format

import (
	"bufio"
	"fmt"
	"io"

	"github.com/whittle-oci/whittle/lint"
)

// GNU writes a line for each finding in the form of the GNU coding standards,
// which editors and problem matchers know. Columns count bytes.
func GNU(w io.Writer, diags []lint.Diagnostic, _ Options) error {
	b := bufio.NewWriter(w)
	for _, d := range diags {
		at := placeOf(d)
		fmt.Fprintf(b, "%s:%d:%d: %s: %s [%s]\n", printable(d.File.Name), at.line, at.column, d.Severity, oneLine(d.Message), d.Rule.Name)
	}
	return b.Flush()
}
