package format

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// Markdown writes a table for each file, for comments and job summaries.
func Markdown(w io.Writer, diags []lint.Diagnostic, o Options) error {
	b := bufio.NewWriter(w)
	if len(diags) == 0 {
		fmt.Fprintln(b, "whittle lint found nothing.")
		return b.Flush()
	}
	fmt.Fprintf(b, "whittle lint found %s.\n", counted(diags))
	cell := strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[")
	for _, file := range byFile(diags) {
		fmt.Fprintf(b, "\n**%s**\n\n| line | severity | finding | rule | fix |\n| --- | --- | --- | --- | --- |\n", cell.Replace(o.path(file[0].File.Name)))
		for _, d := range file {
			fix := ""
			if d.Fix != nil {
				fix = d.Fix.Safety.String()
			}
			name := d.Rule.Name
			if page := URL(d.Rule); page != "" {
				name = "[" + name + "](" + page + ")"
			}
			fmt.Fprintf(b, "| %d | %s | %s | %s | %s |\n", placeOf(d).line, d.Severity, cell.Replace(d.Message), name, fix)
		}
	}
	return b.Flush()
}

// counted says how many findings of each severity there are.
func counted(diags []lint.Diagnostic) string {
	var n [rule.Error + 1]int
	for _, d := range diags {
		n[d.Severity]++
	}
	var out []string
	for _, s := range []rule.Severity{rule.Error, rule.Warning, rule.Info, rule.Style} {
		word := map[rule.Severity]string{rule.Error: "error", rule.Warning: "warning", rule.Info: "info", rule.Style: "style"}[s]
		if n[s] > 1 && s >= rule.Warning {
			word += "s"
		}
		if n[s] > 0 {
			out = append(out, fmt.Sprintf("%d %s", n[s], word))
		}
	}
	return strings.Join(out, ", ")
}
