package walk

import (
	"bytes"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// Merge gives the edits that make one RUN of two that follow each other, nil
// where that would not do the same: what the first sets for the rest of its
// shell would reach the second, and a list of commands would run on after an
// error of the first.
func Merge(f *dockerfile.File, a, b dockerfile.Instruction) []source.Edit {
	first, ok := f.Script(a)
	second, also := f.Script(b)
	if !ok || !also || !single(first) || !single(second) || a.Trigger || b.Trigger || !slices.Equal(first.Shell, second.Shell) || !slices.Equal(a.Node.Flags, b.Node.Flags) {
		return nil
	}
	for _, c := range f.Commands(a) {
		if c.Name == "" || slices.Contains([]string{"cd", "set", "umask", "ulimit", ".", "source", "eval", "exit", "exec", "alias", "trap", "shopt"}, c.Name) {
			return nil
		}
	}
	if strings.Contains(first.Text, "export ") || leaves(first.File.Stmts[0]) || first.File.Stmts[0].Background {
		return nil
	}
	end, start := a.Span().End, second.Span(0, 0).Start
	for end > 0 && (f.Bytes[end-1] == ' ' || f.Bytes[end-1] == '\t') {
		end--
	}
	joint := join(f, a, end, "&&", 0)
	if !strings.Contains(joint, "\n") {
		joint = " " + string(f.Escape) + EOL(f, end) + "    && "
	}
	gap := f.Bytes[end:b.Span().Start]
	if len(bytes.TrimSpace(gap)) == 0 {
		return []source.Edit{{Span: source.Span{Start: end, End: start}, New: joint}}
	}
	if bytes.Contains(bytes.ReplaceAll(gap, []byte("\r"), nil), []byte("\n\n")) {
		return nil // an empty line may not stand in a continuation
	}
	mark, rest, _ := strings.Cut(joint, "\n")
	return []source.Edit{
		{Span: source.Span{Start: end, End: end}, New: strings.TrimSuffix(mark, "\r")},
		{Span: source.Span{Start: b.Span().Start, End: start}, New: rest},
	}
}

// single reports whether a script is one statement with nothing behind it.
func single(s dockerfile.Script) bool {
	return !s.Heredoc && s.File != nil && len(s.File.Stmts) == 1 && !s.File.Stmts[0].Negated &&
		int(s.File.Stmts[0].End().Offset()) == len(strings.TrimRight(s.Text, " \t\r\n"))
}
