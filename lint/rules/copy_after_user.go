package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var copyAfterUser = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-after-user",
		Family:   rule.Root,
		Summary:  "COPY after USER sets the ownership with --chown",
		Why:      "COPY and ADD do not care for USER: files are root's unless --chown says otherwise. That is safer than giving them to the user that runs the program, and surprises whoever reads the two lines. Copy before USER, or say --chown; the fix says what happens.",
		Bad:      "FROM debian:12\nUSER 10001\nCOPY app /app\n",
		Good:     "FROM debian:12\nCOPY app /app\nUSER 10001\nCOPY --chown=10001 data /data\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{},
	},
	Check: checkCopyAfterUser,
}

func checkCopyAfterUser(p *rule.Pass) {
	users := make([]string, len(p.File.Stages))
	for i := range p.File.Stages {
		if parent := p.File.Stages[i].Parent; parent >= 0 {
			users[i] = users[parent]
		}
		if p.File.Windows(i) {
			continue // which has no --chown
		}
		for _, in := range p.File.In(i) {
			switch c := in.Command.(type) {
			case *instructions.UserCommand:
				if !in.Trigger {
					users[i] = c.User
				}
			case *instructions.CopyCommand, *instructions.AddCommand:
				name, _, _ := strings.Cut(users[i], ":")
				if _, ok := in.Flag("chown"); ok || in.Trigger || !p.File.Shipped(i) || name == "" || name == "root" || strings.HasPrefix(name, "Container") || strings.Trim(name, "0") == "" {
					continue
				}
				p.Report(rule.Finding{Span: in.KeywordSpan(), Message: "the files become root's, although USER is " + users[i] + "; say --chown, or copy before USER", Fix: &rule.Fix{
					Title: "Add --chown=0:0", Safety: rule.Unsafe, Edits: []source.Edit{{Span: walk.After(in.KeywordSpan()), New: " --chown=0:0"}},
				}})
			}
		}
	}
}
