// Package edit takes words, variables and instructions out of a Dockerfile
// without leaving a broken continuation behind. Functions return nil where that
// cannot be done.
package edit

import (
	"bytes"
	"regexp"
	"sync"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// Arguments takes n arguments of a command away, from the one at i on, with
// the blanks before them. Arguments of the exec form stay: they are JSON.
func Arguments(f *dockerfile.File, c dockerfile.Command, i, n int) []source.Edit {
	if c.Call == nil {
		return nil
	}
	before := c.NameSpan.End
	if i > 0 {
		before = c.Args[i-1].Span.End
	}
	return Between(f, before, source.Span{Start: c.Args[i].Span.Start, End: c.Args[i+n-1].Span.End})
}

// Word takes a word away, with the blanks behind it.
func Word(f *dockerfile.File, span source.Span) []source.Edit {
	for span.End < len(f.Bytes) && (f.Bytes[span.End] == ' ' || f.Bytes[span.End] == '\t') {
		span.End++
	}
	return []source.Edit{{Span: span}}
}

// Between takes a word away, with the blanks before it since another.
func Between(f *dockerfile.File, before int, span source.Span) []source.Edit {
	if before <= span.Start && blank(f, before, span.Start) {
		span.Start = before
	}
	return []source.Edit{{Span: span}}
}

// Letter takes one of the letters of a short flag away, or the whole flag when
// it has no other.
func Letter(f *dockerfile.File, c dockerfile.Command, i int, letter byte) []source.Edit {
	a := c.Args[i]
	at := bytes.IndexByte(f.Bytes[a.Span.Start:a.Span.End], letter)
	switch {
	case len(a.Text) == 2:
		return Arguments(f, c, i, 1)
	case c.Call == nil || at < 0 || string(f.Bytes[a.Span.Start:a.Span.End]) != a.Text:
		return nil
	}
	at += a.Span.Start
	return []source.Edit{{Span: source.Span{Start: at, End: at + 1}}}
}

// Pair takes the i-th variable of an ENV or ARG away, or label of a LABEL; the
// instruction goes with its last one.
func Pair(f *dockerfile.File, in dockerfile.Instruction, i int) []source.Edit {
	pairs := in.Pairs()
	if len(pairs) == 1 {
		return Instruction(f, in)
	}
	span := pairs[i].Span
	switch {
	case i > 0 && blank(f, pairs[i-1].Span.End, span.Start):
		span.Start = pairs[i-1].Span.End
	case i == 0 && blank(f, span.End, pairs[1].Span.Start):
		span.End = pairs[1].Span.Start
	default:
		return nil // a comment stands there, which would go on into what follows
	}
	return []source.Edit{{Span: span}}
}

var switchesOff = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^\s*#.*(ignore|skip)`)
})

// Instruction takes a whole instruction away, with its lines. One under a
// comment that suppresses findings stays: the comment would speak of the
// next.
func Instruction(f *dockerfile.File, in dockerfile.Instruction) []source.Edit {
	first, last := in.Node.StartLine, in.Node.EndLine
	if in.Trigger || first > 1 && switchesOff().Match(f.Line(first-1)) {
		return nil
	}
	if last < f.Lines() && len(bytes.TrimSpace(f.Line(last+1))) == 0 && first > 1 && len(bytes.TrimSpace(f.Line(first-1))) == 0 {
		last++ // of the empty lines around it one is enough
	}
	span := source.Span{Start: f.LineStart(first), End: len(f.Bytes)}
	if last < f.Lines() {
		span.End = f.LineStart(last + 1)
	}
	return []source.Edit{{Span: span}}
}

// blank reports whether nothing but blanks and continuations stand between two
// places.
func blank(f *dockerfile.File, from, to int) bool {
	return len(bytes.Trim(f.Bytes[from:to], " \t\r\n"+string(f.Escape))) == 0
}

// NewLine is the end of a line as the file writes it.
func NewLine(f *dockerfile.File) string {
	if bytes.Contains(f.Bytes, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}
