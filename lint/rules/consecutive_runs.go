package rules

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var consecutiveRuns = rule.Rule{
	Meta: rule.Meta{
		Name:     "consecutive-runs",
		Aliases:  []string{"DL3059", "0008c003-79aa-42d8-95b8-1c2fe37dbfe6"},
		Family:   rule.Hygiene,
		Summary:  "consecutive RUN instructions are merged",
		Why:      "Every RUN is a layer. What one makes and the next deletes is in the image all the same. Where the cache of a step matters more than the layer, leave them apart: that is why the rule is not among the recommended ones.",
		Bad:      "FROM debian:12\nRUN mkdir /app\nRUN touch /app/ready\n",
		Good:     "FROM debian:12\nRUN mkdir /app \\\n    && touch /app/ready\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"hadolint"},
	},
	Check: checkConsecutiveRuns,
}

func checkConsecutiveRuns(p *rule.Pass) {
	for i, in := range p.File.Instructions {
		if i == 0 || !plainRun(p.File, in) || !plainRun(p.File, p.File.Instructions[i-1]) {
			continue
		}
		before := p.File.Instructions[i-1]
		if before.Trigger != in.Trigger || !slices.Equal(before.Node.Flags, in.Node.Flags) {
			continue
		}
		finding := rule.Finding{Span: in.KeywordSpan(), Message: "the RUN before could do this, too; one RUN is one layer"}
		if edits := walk.Merge(p.File, before, in); edits != nil {
			finding.Fix = &rule.Fix{Title: "Merge with the RUN before", Safety: rule.Suggestion, Edits: edits}
		}
		p.Report(finding)
	}
}

// plainRun reports whether an instruction is a RUN of one command.
func plainRun(f *dockerfile.File, in dockerfile.Instruction) bool {
	run, ok := in.Command.(*instructions.RunCommand)
	if !ok || in.Stage < 0 || len(f.Commands(in)) > 1 {
		return false
	}
	if _, read := f.Script(in); !read && run.PrependShell {
		return len(run.CmdLine) == 1 && !strings.ContainsAny(run.CmdLine[0], ";|&\n")
	}
	return true
}
