package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suppress"
)

var definitionComment = rule.Rule{
	Meta: rule.Meta{
		Name:     "definition-comment",
		Aliases:  []string{"InvalidDefinitionDescription"},
		Family:   rule.Hygiene,
		Summary:  "a comment directly above ARG or FROM describes it",
		Why:      "docker build --call=outline and --call=targets show the comment above an ARG or a named stage as its description, when it begins with the name. Another comment looks like one and is not shown. Begin it with the name, or put an empty comment below it.",
		Bad:      "# the version to build\nARG VERSION=1\nFROM debian:12\n",
		Good:     "# VERSION is the version to build\nARG VERSION=1\nFROM debian:12\n",
		Severity: rule.Style,
		Fixable:  rule.Always,
		Presets:  []string{},
	},
	Check: checkDefinitionComment,
}

func checkDefinitionComment(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		names := defined(p.File, in)
		comments := in.Node.PrevComment
		if len(names) == 0 || len(comments) == 0 || in.Trigger || in.Node.StartLine < 2 {
			continue
		}
		last := comments[len(comments)-1]
		word, _, _ := strings.Cut(last, " ")
		if slices.Contains(names, word) || word == "renovate:" || instruction(last) {
			continue
		}
		shown := names[0]
		if len(names) > 1 {
			shown = "<name>"
		}
		here := p.File.LineStart(in.Node.StartLine)
		p.Report(rule.Finding{
			Span: in.KeywordSpan(), Message: "the comment above does not describe it; begin it with " + shown + ", or put an empty one, #, below it",
			// Which of the two is meant only the author can say.
			Fix: &rule.Fix{Title: "Put an empty comment between", Safety: rule.Suggestion, Edits: []source.Edit{
				{Span: source.Span{Start: here, End: here}, New: "#" + edit.NewLine(p.File)},
			}},
		})
	}
}

// defined lists the names that an ARG or FROM defines.
func defined(f *dockerfile.File, in dockerfile.Instruction) (names []string) {
	switch in.Keyword {
	case "arg":
		for _, pair := range in.Pairs() {
			names = append(names, pair.Key)
		}
	case "from":
		if name := f.Stages[in.Stage].Name; name != "" {
			names = []string{name}
		}
	}
	return names
}

// instruction reports whether a comment speaks to a linter.
func instruction(comment string) bool {
	return len(suppress.Read(source.NewFile("", []byte("# "+comment+"\nx\n")), []suppress.Extent{{First: 2, Code: 2, Last: 2}}).Comments) > 0
}
