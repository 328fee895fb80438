package edit

import (
	"bytes"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// AtEndOfStage puts lines, without their ends, into a stage so that they are in
// force when the image runs. It is nil where they would be swallowed.
func AtEndOfStage(f *dockerfile.File, s *dockerfile.Stage, lines ...string) []source.Edit {
	at := EndOfStage(f, s)
	if at == len(f.Bytes) && Continued(f) {
		return nil
	}
	eol := "\n"
	if bytes.Contains(f.Bytes, []byte("\r\n")) {
		eol = "\r\n"
	}
	text := ""
	if at == len(f.Bytes) && !bytes.HasSuffix(f.Bytes, []byte("\n")) {
		text = eol
	}
	for _, l := range lines {
		text += l + eol
	}
	return []source.Edit{{Span: source.Span{Start: at, End: at}, New: text}}
}

// EndOfStage is where an instruction can be put so that it is in force
// when the image runs: before the last CMD and ENTRYPOINT, else at the end.
func EndOfStage(f *dockerfile.File, s *dockerfile.Stage) int {
	at := -1
	for _, in := range f.In(s.Index) {
		if (in.Keyword == "cmd" || in.Keyword == "entrypoint") && !in.Trigger {
			if at < 0 {
				at = f.LineStart(above(f, in.Node.StartLine))
			}
		} else {
			at = -1
		}
	}
	if at >= 0 {
		return at
	}
	return len(f.Bytes)
}

// above is the first line of the comments right above a line, which belong to
// what they stand over.
func above(f *dockerfile.File, line int) int {
	for line > 1 && bytes.HasPrefix(bytes.TrimSpace(f.Line(line-1)), []byte("#")) {
		line--
	}
	return line
}

// Continued reports whether a line put at the end of the file would belong to
// the last instruction: one of its lines ends in the escape character, and
// nothing but comments and blanks follow.
func Continued(f *dockerfile.File) bool {
	last := f.Instructions[len(f.Instructions)-1].Node
	for n := last.StartLine; n <= f.Lines(); n++ {
		text := bytes.TrimSpace(f.Line(n))
		if n > last.StartLine && (len(text) == 0 || text[0] == '#') {
			continue
		}
		if len(text) > 0 && rune(text[len(text)-1]) == f.Escape {
			if rest := bytes.TrimSpace(f.Bytes[min(f.LineStart(n)+len(f.Line(n)), len(f.Bytes)):]); len(rest) == 0 || onlyComments(rest) {
				return true
			}
		}
	}
	return false
}

func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
