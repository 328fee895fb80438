package custom

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// A text is what expressions are held against, with the places in the file
// that its bytes come from.
type text struct {
	text   string
	pieces []piece
	json   bool // the file has it as a JSON list, so that nothing can be replaced
}

// A piece is a part of a text. Where raw is set its bytes are those of the
// file; else they stand for the whole span, as a quoted word does.
type piece struct {
	start, end int
	span       func(start, end int) source.Span
	raw        bool
}

// arguments is what follows the keyword of an instruction.
func arguments(in dockerfile.Instruction) text {
	rest := strings.TrimRight(in.Text.Text, " \t\r\n")
	at := min(len(in.Keyword), len(rest))
	for at < len(rest) && (rest[at] == ' ' || rest[at] == '\t') {
		at++
	}
	span := func(start, end int) source.Span { return in.Text.Span(at+start, at+end) }
	return text{text: rest[at:], pieces: []piece{{0, len(rest) - at, span, true}}}
}

// words is a command with one blank between its words, quotes taken off.
func words(c dockerfile.Command) text {
	var b strings.Builder
	t := text{json: c.Call == nil}
	add := func(word string, at source.Span) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		start := b.Len()
		b.WriteString(word)
		raw := len(word) == at.End-at.Start
		t.pieces = append(t.pieces, piece{start, b.Len(), func(i, j int) source.Span {
			if !raw {
				return at
			}
			return source.Span{Start: at.Start + i, End: at.Start + j}
		}, raw})
	}
	add(c.Name, c.NameSpan)
	for _, a := range c.Args {
		add(a.Text, a.Span)
	}
	t.text = b.String()
	return t
}

// span is the place in the file of a range of the text.
func (t text) span(start, end int) source.Span {
	var out source.Span
	first := true
	for _, p := range t.pieces {
		if p.end < start || p.start > end || start < end && (p.end == start || p.start == end) {
			continue
		}
		s := p.span(max(start, p.start)-p.start, min(end, p.end)-p.start)
		if first {
			out, first = s, false
		}
		out.End = max(out.End, s.End)
	}
	return out
}

// exact reports whether a range can be replaced: it does not begin or end
// within a word that is written differently in the file.
func (t text) exact(start, end int) bool {
	if t.json {
		return false
	}
	for _, p := range t.pieces {
		inside := func(at int) bool { return p.start < at && at < p.end }
		if !p.raw && (inside(start) || inside(end)) {
			return false
		}
	}
	return start < end
}
