package format

import (
	"bufio"
	"fmt"
	"io"

	"github.com/whittle-oci/whittle/lint"
)

// JUnit writes JUnit's XML: a suite for each file and a failed case for each
// finding, or one case that passed where there is none.
func JUnit(w io.Writer, diags []lint.Diagnostic, o Options) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	if len(diags) == 0 {
		fmt.Fprintf(b, "<testsuites name=\"whittle lint\" tests=\"1\" failures=\"0\" errors=\"0\">\n"+
			"  <testsuite name=\"whittle lint\" tests=\"1\" failures=\"0\" errors=\"0\">\n    <testcase name=\"no findings\" classname=\"whittle\"/>\n  </testsuite>\n</testsuites>\n")
		return b.Flush()
	}
	fmt.Fprintf(b, "<testsuites name=\"whittle lint\" tests=\"%d\" failures=\"%d\" errors=\"0\">\n", len(diags), len(diags))
	for _, file := range byFile(diags) {
		name := escaped(o.path(file[0].File.Name))
		fmt.Fprintf(b, "  <testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"0\">\n", name, len(file), len(file))
		for _, d := range file {
			at := placeOf(d)
			fmt.Fprintf(b, "    <testcase name=\"%s at %d:%d\" classname=\"%s\" file=\"%s\" line=\"%d\">\n", escaped(d.Rule.Name), at.line, at.column, name, name, at.line)
			fmt.Fprintf(b, "      <failure type=\"%s\" message=\"%s\">%s:%d:%d: %s: %s\n%s</failure>\n    </testcase>\n",
				d.Severity, escaped(d.Message), name, at.line, at.column, d.Severity, escaped(d.Message), escaped(URL(d.Rule)))
		}
		fmt.Fprintf(b, "  </testsuite>\n")
	}
	fmt.Fprintf(b, "</testsuites>\n")
	return b.Flush()
}
