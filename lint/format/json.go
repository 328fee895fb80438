package format

import (
	"io"

	"github.com/whittle-oci/whittle/lint"
)

// record is one diagnostic as JSON. Lines and columns count from 1, columns
// in bytes; offsets count bytes from 0.
type record struct {
	File      string   `json:"file"`
	Line      int      `json:"line"`
	Column    int      `json:"column"`
	EndLine   int      `json:"endLine"`
	EndColumn int      `json:"endColumn"`
	Start     int      `json:"start"`
	End       int      `json:"end"`
	Rule      string   `json:"rule"`
	Aliases   []string `json:"aliases,omitempty"`
	Severity  string   `json:"severity"`
	Message   string   `json:"message"`
	URL       string   `json:"url,omitempty"`
	Fix       *change  `json:"fix,omitempty"`
}

type change struct {
	Title  string `json:"title"`
	Safety string `json:"safety"`
	Edits  []edit `json:"edits"`
}

type edit struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	New   string `json:"new"`
}

// JSON writes a list.
func JSON(w io.Writer, diags []lint.Diagnostic, _ Options) error {
	out := []record{}
	for _, d := range diags {
		at := placeOf(d)
		r := record{
			File: d.File.Name, Line: at.line, Column: at.column, EndLine: at.endLine, EndColumn: at.endColumn, Start: d.Span.Start, End: d.Span.End,
			Rule: d.Rule.Name, Aliases: d.Rule.Aliases, Severity: d.Severity.String(), Message: d.Message, URL: URL(d.Rule),
		}
		if d.Fix != nil {
			r.Fix = &change{Title: d.Fix.Title, Safety: d.Fix.Safety.String()}
			for _, e := range d.Fix.Edits {
				r.Fix.Edits = append(r.Fix.Edits, edit{e.Span.Start, e.Span.End, e.New})
			}
		}
		out = append(out, r)
	}
	return indented(w, out)
}
