package lsp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/whittle-oci/whittle/lint/source"
)

// changed lists the lines that differ between two texts as edits of the first,
// read from their unified diff.
func changed(before, after []byte) []source.Edit {
	if string(before) == string(after) {
		return nil
	}
	// With an end to the last line, so that all lines are alike.
	a, b := slices.Concat(before, []byte{'\n'}), slices.Concat(after, []byte{'\n'})
	_, hunks, _ := strings.Cut(string(diff.Diff("a", a, "b", b)), "\n@@")
	starts := source.NewFile("", a)
	var out []source.Edit
	at, open := 0, false // where in a; whether the last edit goes on
	for line := range strings.Lines("@@" + hunks) {
		switch line[0] {
		case '@':
			first := 1
			_, _ = fmt.Sscanf(line, "@@ -%d", &first)
			at, open = starts.LineStart(max(first, 1)), false
		case ' ':
			at, open = at+len(line)-1, false
		default:
			if !open {
				out, open = append(out, source.Edit{Span: source.Span{Start: at, End: at}}), true
			}
			e := &out[len(out)-1]
			if line[0] == '+' {
				e.New += line[1:]
			} else {
				at += len(line) - 1
				e.Span.End = at
			}
		}
	}
	n := len(out)
	if n > 0 && out[n-1].Span.End > len(before) {
		withoutLastEnd(&out[n-1], len(before))
	}
	if n > 1 && out[n-2].Span.End == out[n-1].Span.Start {
		out[n-2].Span.End = out[n-1].Span.End
		out[n-2].New += out[n-1].New
		out = out[:n-1]
	}
	return out
}

// withoutLastEnd takes the end of the last line, which the text does not have,
// out of the edit that reaches it.
func withoutLastEnd(e *source.Edit, size int) {
	switch {
	case e.Span.Start > size: // lines that follow the last
		e.New = "\n" + e.New
		e.Span.Start = size
	case e.New == "" && e.Span.Start > 0: // the last lines, with the end before them
		e.Span.Start--
	}
	e.Span.End = size
	e.New = strings.TrimSuffix(e.New, "\n")
}
