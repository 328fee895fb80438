package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var envSelfReference = rule.Rule{
	Meta: rule.Meta{
		Name:     "env-self-reference",
		Aliases:  []string{"DL3044"},
		Family:   rule.Hygiene,
		Summary:  "no ENV refers to a variable that it sets itself",
		Why:      "The variables of one ENV are set together: what one of them refers to is the value from before the instruction, which is none unless ENV or ARG set it already. The fix makes two instructions of it, so that the second sees the first.",
		Bad:      "FROM debian:12\nENV BASE=/opt PATH=$BASE/bin:$PATH\n",
		Good:     "FROM debian:12\nENV BASE=/opt\nENV PATH=$BASE/bin:$PATH\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkEnvSelfReference,
}

func checkEnvSelfReference(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if _, ok := in.Command.(*instructions.EnvCommand); !ok {
			continue
		}
		pairs := in.Pairs()
		set := map[string]int{} // the first pair that sets a variable
		for n, pair := range pairs {
			if _, ok := set[pair.Key]; !ok {
				set[pair.Key] = n
			}
		}
		for n, pair := range pairs {
			seen := map[string]bool{}
			for ref := range p.File.Refs(pair.Value) {
				by, ok := set[ref.Name]
				// A variable may add to what it was before.
				if !ok || by == n || seen[ref.Name] {
					continue
				}
				// The value from before may be the one that is meant.
				if _, _, before := p.File.Variable(in, ref.Name); before {
					continue
				}
				seen[ref.Name] = true
				span, _ := walk.RefSpan(p.File, dockerfile.Word{Span: pair.ValueSpan}, ref.Name)
				finding := rule.Finding{Span: span, Message: ref.Name + " is here what it was before this ENV, which sets it too; set it in an ENV before this one"}
				if by < n {
					finding.Fix = splitEnv(p.File, in, pairs, n)
				}
				p.Report(finding)
			}
		}
	}
}

// splitEnv begins another ENV with the pair n. Where comments stand between the
// pairs, nothing is done.
func splitEnv(f *dockerfile.File, in dockerfile.Instruction, pairs []dockerfile.Pair, n int) *rule.Fix {
	gap := source.Span{Start: pairs[n-1].Span.End, End: pairs[n].Span.Start}
	between := strings.TrimLeft(string(f.Bytes[gap.Start:gap.End]), " \t\r\n"+string(f.Escape))
	if between != "" || in.Trigger {
		return nil
	}
	indent := f.Bytes[f.LineStart(in.Node.StartLine):in.KeywordSpan().Start]
	return &rule.Fix{Title: "Make two instructions of it", Safety: rule.Unsafe, Edits: []source.Edit{
		{Span: gap, New: edit.NewLine(f) + string(indent) + in.Node.Value + " "},
	}}
}
