package rules

import (
	"bytes"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var emptyContinuation = rule.Rule{
	Meta: rule.Meta{
		Name:     "empty-continuation",
		Aliases:  []string{"NoEmptyContinuation"},
		Family:   rule.Hygiene,
		Summary:  "no empty line stands inside a continued instruction",
		Why:      "An empty line looks like the end of the instruction and is not: what follows still belongs to it. BuildKit will refuse it in a later release.",
		Bad:      "FROM debian:12\nRUN make \\\n\n  install\n",
		Good:     "FROM debian:12\nRUN make \\\n  install\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended"},
	},
	Check: checkEmptyContinuation,
}

func checkEmptyContinuation(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		first, last := in.Node.StartLine, lastLine(p.File, in)
		var edits []source.Edit
		for n := first + 1; n <= last; n++ {
			if len(bytes.TrimSpace(p.File.Line(n))) > 0 {
				continue
			}
			end := len(p.File.Bytes)
			if n < p.File.Lines() {
				end = p.File.LineStart(n + 1)
			}
			edits = append(edits, source.Edit{Span: source.Span{Start: p.File.LineStart(n), End: end}})
		}
		if len(edits) == 0 {
			continue
		}
		// BuildKit names the line on which the instruction ends.
		start := p.File.LineStart(last)
		p.Report(rule.Finding{Span: source.Span{Start: start, End: start + len(p.File.Line(last))}, Message: "an empty line stands inside the instruction that ends here", Fix: &rule.Fix{
			Title: "Take empty lines out", Edits: edits,
		}})
	}
}

// lastLine is the line on which an instruction ends, its heredocs aside.
func lastLine(f *dockerfile.File, in dockerfile.Instruction) int {
	if docs := f.Heredocs(in); len(docs) > 0 {
		return f.Pos(docs[0].Body.Start).Line - 1
	}
	return in.Node.EndLine
}
