package dockerfile

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/source"
)

// A Heredoc is text that follows an instruction's line.
type Heredoc struct {
	parser.Heredoc
	Body source.Span // the content with its tabs and line ends
	End  source.Span // the line that ends it
}

// Heredocs lists the heredocs of an instruction with their places.
func (f *File) Heredocs(in Instruction) []Heredoc {
	docs := in.Node.Heredocs
	if len(docs) == 0 {
		return nil
	}
	line := in.Node.EndLine + 1
	for _, d := range docs {
		line -= strings.Count(d.Content, "\n") + 1
	}
	out := make([]Heredoc, len(docs))
	for i, d := range docs {
		start := f.LineStart(line)
		line += strings.Count(d.Content, "\n")
		end := f.LineStart(line)
		out[i] = Heredoc{d, source.Span{Start: start, End: end}, source.Span{Start: end, End: end + len(f.Line(line))}}
		line++
	}
	return out
}
