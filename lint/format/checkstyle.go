package format

import (
	"bufio"
	"fmt"
	"io"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// Checkstyle writes the XML of Checkstyle, a file element for each file with
// findings.
func Checkstyle(w io.Writer, diags []lint.Diagnostic, o Options) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<checkstyle version=\"4.3\">\n")
	severities := map[rule.Severity]string{rule.Error: "error", rule.Warning: "warning", rule.Info: "info", rule.Style: "info"}
	for _, file := range byFile(diags) {
		fmt.Fprintf(b, "  <file name=\"%s\">\n", escaped(o.path(file[0].File.Name)))
		for _, d := range file {
			at := placeOf(d)
			fmt.Fprintf(b, "    <error line=\"%d\" column=\"%d\" severity=\"%s\" message=\"%s\" source=\"whittle.%s\"/>\n",
				at.line, at.column, severities[d.Severity], escaped(d.Message), escaped(d.Rule.Name))
		}
		fmt.Fprintf(b, "  </file>\n")
	}
	fmt.Fprintf(b, "</checkstyle>\n")
	return b.Flush()
}
