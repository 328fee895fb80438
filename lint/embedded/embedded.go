// Package embedded places a Dockerfile that stands within another file, such as
// one in the dockerfile_inline of a Compose file, in that file: what is found
// in the one has a place in the other, and what is fixed is written there.
package embedded

import (
	"bytes"
	"strings"

	"github.com/whittle-oci/whittle/lint/source"
)

// A Block is where a Dockerfile stands in a file, and what it is.
type Block struct {
	First, Last int // lines of the file, counted from 1
	// Indent is how many bytes before each line are not of the Dockerfile.
	Indent int
	// Text is the Dockerfile as the program that reads the file sees it, with
	// its variables filled in. Where it has as many lines as the block, the
	// lines are the same but for variables; else nobody knows which is which.
	Text []byte
	// Escapes are pairs: what stands for itself in the Dockerfile, and how the
	// file has it.
	Escapes []string
}

// A Text is a Dockerfile within a file.
type Text struct {
	*source.File // the Dockerfile, under the name of the file
	outer        *source.File
	block        Block
	lines        int // of the Dockerfile that the block has too; 0 where they differ
}

// In places a block in its file. Lines that the file does not have are cut off.
func In(outer *source.File, b Block) *Text {
	b.First = min(max(b.First, 1), outer.Lines())
	b.Last = min(max(b.Last, b.First), outer.Lines())
	t := &Text{File: source.NewFile(outer.Name, b.Text), outer: outer, block: b}
	if n := bytes.Count(b.Text, []byte("\n")); n > 0 {
		if b.Text[len(b.Text)-1] != '\n' {
			n++
		}
		if n == b.Last-b.First+1 {
			t.lines = n
		}
	}
	return t
}

// Outer is the file that the Dockerfile stands in.
func (t *Text) Outer() *source.File { return t.outer }

// raw is a line of the Dockerfile, counted from 1, as the file has it, and where
// it begins there.
func (t *Text) raw(n int) (text []byte, at int) {
	line := t.outer.Line(t.block.First + n - 1)
	indent := min(t.block.Indent, len(line))
	return line[indent:], t.outer.LineStart(t.block.First+n-1) + indent
}

// exact reports whether a line is the same in both.
func (t *Text) exact(n int) bool {
	raw, _ := t.raw(n)
	return bytes.Equal(raw, t.Line(n))
}

// offset maps an offset in the Dockerfile to the file. Within what a variable
// stands for it is the variable's.
func (t *Text) offset(off int) int {
	if t.lines == 0 {
		line := t.outer.Line(t.block.First)
		return t.outer.LineStart(t.block.First) + len(line) - len(bytes.TrimLeft(line, " \t"))
	}
	pos := t.Pos(off)
	if pos.Line > t.lines { // past the last line
		raw, at := t.raw(t.lines)
		return at + len(raw)
	}
	raw, at := t.raw(pos.Line)
	line, col := t.Line(pos.Line), pos.Col-1
	if bytes.Equal(raw, line) {
		return at + min(col, len(raw))
	}
	same := 0
	for same < min(len(raw), len(line)) && raw[same] == line[same] {
		same++
	}
	if col <= same {
		return at + col
	}
	tail := 0
	for tail < min(len(raw), len(line))-same && raw[len(raw)-1-tail] == line[len(line)-1-tail] {
		tail++
	}
	if left := len(line) - col; left <= tail {
		return at + len(raw) - max(left, 0)
	}
	return at + same
}

// Span maps a span of the Dockerfile to the file.
func (t *Text) Span(s source.Span) source.Span {
	if t.lines == 0 {
		start := t.offset(0)
		return source.Span{Start: start, End: t.outer.LineStart(t.block.First) + len(t.outer.Line(t.block.First))}
	}
	start := t.offset(s.Start)
	return source.Span{Start: start, End: max(start, t.offset(s.End))}
}

// Edits maps edits of the Dockerfile to the file. ok is false where one of them
// touches a line that the file has otherwise.
func (t *Text) Edits(edits []source.Edit) (out []source.Edit, ok bool) {
	for _, e := range edits {
		if t.lines == 0 {
			return nil, false
		}
		first, last := t.Pos(e.Span.Start).Line, t.Pos(e.Span.End).Line
		// What begins on the line after a removed line end stays as it is.
		for n := first; n <= min(t.Pos(max(e.Span.Start, e.Span.End-1)).Line, t.lines); n++ {
			if !t.exact(n) {
				return nil, false
			}
		}
		text := e.New
		if first > t.lines { // after the last line, whose end is the file's
			text = "\n" + strings.TrimSuffix(text, "\n")
		} else if last > t.lines {
			text = strings.TrimSuffix(text, "\n")
		}
		out = append(out, source.Edit{Span: t.Span(e.Span), New: t.indented(text)})
	}
	return out, true
}

// indented gives new text the indentation and the line ends of the block.
func (t *Text) indented(text string) string {
	text = strings.NewReplacer(t.block.Escapes...).Replace(text)
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	first := t.outer.Bytes[t.outer.LineStart(t.block.First):]
	indent := string(first[:t.block.Indent])
	for i := 1; i < len(lines); i++ {
		if lines[i] != "" || i == len(lines)-1 {
			lines[i] = indent + lines[i]
		}
	}
	return strings.Join(lines, t.eol())
}

// eol is the line end of the block.
func (t *Text) eol() string {
	if i := bytes.IndexByte(t.outer.Bytes, '\n'); i > 0 && t.outer.Bytes[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// Replace gives the edit of the file that puts another text in place of the
// Dockerfile. ok is false where the file has variables in it, which would be
// lost, or where its format cannot hold the text in this way.
func (t *Text) Replace(text []byte) (e source.Edit, ok bool) {
	escape := strings.NewReplacer(t.block.Escapes...)
	for n := 1; n <= t.lines; n++ {
		if raw, _ := t.raw(n); escape.Replace(string(t.Line(n))) != string(raw) {
			return e, false
		}
	}
	if t.lines == 0 || len(text) == 0 || text[0] == ' ' || text[0] == '\t' || text[0] == '\n' {
		return e, false
	}
	last, at := t.raw(t.lines)
	_, start := t.raw(1)
	return source.Edit{Span: source.Span{Start: start, End: at + len(last)}, New: t.indented(strings.TrimRight(string(text), "\n"))}, true
}
