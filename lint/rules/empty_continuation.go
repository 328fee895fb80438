package rules

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/command"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var emptyContinuation = rule.Rule{
	Meta: rule.Meta{
		Name:     "empty-continuation",
		Aliases:  []string{"NoEmptyContinuation"},
		Family:   rule.Hygiene,
		Summary:  "there is no empty line inside a continued instruction",
		Why:      "An empty line looks like the end of the instruction and is not: what follows still belongs to it. BuildKit will refuse it in a later release.",
		Bad:      "FROM debian:12\nRUN make \\\n\n  install\n",
		Good:     "FROM debian:12\nRUN make \\\n  install\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkEmptyContinuation,
}

func checkEmptyContinuation(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		first, last := in.Node.StartLine, lastLine(p.File, in)
		var edits []source.Edit
		swallowed, before := "", 0 // the keyword of an instruction below empty lines, and the line above them
		for n := first + 1; n <= last; n++ {
			if fields := bytes.Fields(p.File.Line(n)); len(fields) > 0 {
				if word := string(fields[0]); swallowed == "" && empty(p.File, n-1) && keyword(word) {
					swallowed = word
				}
				continue
			}
			if swallowed == "" && !empty(p.File, n-1) {
				before = n - 1
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
		// BuildKit names the line on which the instruction ends, which may be far
		// below.
		start := edits[0].Span.Start
		at := p.File.Pos(start).Line
		finding := rule.Finding{
			Span: source.Span{Start: start, End: start + len(p.File.Line(at))}, Message: "this empty line is inside an instruction, which goes on below it",
			Fix: &rule.Fix{Title: "Take empty lines out", Edits: edits},
		}
		if len(edits) > 1 {
			finding.Message += fmt.Sprintf(" (and %d more)", len(edits)-1)
		}
		if swallowed != "" {
			finding.Message = "the " + swallowed + " below an empty line belongs to the " + strings.ToUpper(in.Keyword) + " above, which is continued"
			finding.Fix = endLine(p.File, before)
		}
		p.Report(finding)
	}
}

func empty(f *dockerfile.File, line int) bool { return len(bytes.TrimSpace(f.Line(line))) == 0 }

// endLine takes the escape character away at the end of a line, nil where there
// is none.
func endLine(f *dockerfile.File, line int) *rule.Fix {
	text := bytes.TrimRight(f.Line(line), " \t\r")
	rest, ok := bytes.CutSuffix(text, []byte(string(f.Escape)))
	if !ok {
		return nil
	}
	at := f.LineStart(line)
	return &rule.Fix{Title: "End the instruction above", Safety: rule.Suggestion, Edits: []source.Edit{{
		Span: source.Span{Start: at + len(bytes.TrimRight(rest, " \t")), End: at + len(text)},
	}}}
}

// keyword reports whether a word begins an instruction, as people write them.
func keyword(word string) bool {
	_, ok := command.Commands[strings.ToLower(word)]
	return ok && word == strings.ToUpper(word)
}

// lastLine is the line on which an instruction ends, its heredocs aside.
func lastLine(f *dockerfile.File, in dockerfile.Instruction) int {
	if docs := f.Heredocs(in); len(docs) > 0 {
		return f.Pos(docs[0].Body.Start).Line - 1
	}
	return in.Node.EndLine
}
