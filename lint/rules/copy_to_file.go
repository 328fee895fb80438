package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var copyToFile = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-to-file",
		Aliases:  []string{"DL3021", "DS-0011", "6db6e0c2-32a3-4a2e-93b5-72c35f4119db"},
		Family:   rule.Hygiene,
		Summary:  "COPY of several files has a directory as destination",
		Why:      "Without a slash at its end the target of a COPY is a file name. Builders without BuildKit refuse several sources then; BuildKit copies one after the other to the same name.",
		Bad:      "FROM debian:12\nCOPY a.conf b.conf /etc/app\n",
		Good:     "FROM debian:12\nCOPY a.conf b.conf /etc/app/\n",
		Severity: rule.Error,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkCopyToFile,
}

func checkCopyToFile(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if _, ok := in.Command.(*instructions.CopyCommand); !ok {
			continue
		}
		words := in.Words()
		if len(words) < 3 || !words[0].JSON && strings.HasPrefix(words[0].Text, "[") {
			continue // the second is a list that is no JSON
		}
		dest := words[len(words)-1]
		to, known := p.File.Expand(in, dest.Text)
		if to == "." || to == ".." || strings.HasSuffix(to, "/") || strings.HasSuffix(to, `\`) || strings.HasSuffix(to, "/.") || !known {
			continue
		}
		finding := rule.Finding{Span: dest.Span, Message: "several files are copied to " + to + ", which is no directory without a slash at its end"}
		if !dest.JSON && !strings.ContainsAny(dest.Text, `"'$`) {
			finding.Fix = &rule.Fix{Title: "Add a slash", Safety: rule.Unsafe, Edits: []source.Edit{{Span: walk.After(dest.Span), New: "/"}}}
		}
		p.Report(finding)
	}
}
