package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
)

var copyChown = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-chown",
		Aliases:  []string{"aa93e17f-b6db-4162-9334-c70334e7ac28"},
		Family:   rule.Root,
		Summary:  "program files are not owned by the user that runs them",
		Why:      "Who breaks into a program can change the files that belong to its user. Files that are only read or run can stay root's; give the user the directories that it writes to.",
		Bad:      "FROM debian:12\nCOPY --chown=10001 app /app\nUSER 10001\n",
		Good:     "FROM debian:12\nCOPY app /app\nUSER 10001\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{},
	},
	Check: checkCopyChown,
}

func checkCopyChown(p *rule.Pass) {
	_, user, known, found := accounts.Last(p.File, p.File.Final().Index)
	for _, in := range p.File.Instructions {
		flag, ok := in.Flag("chown")
		if !ok || in.Keyword != "copy" && in.Keyword != "add" || !p.File.Shipped(in.Stage) {
			continue
		}
		owner, ownerKnown := p.File.Expand(in, flag.Value)
		if ownerKnown && accounts.Root(owner) || found && known && ownerKnown && accounts.Name(owner) != accounts.Name(user) {
			continue
		}
		if _, dest := in.Copied(); strings.HasPrefix(dest.Text, "/home/") {
			continue // what is in a home is its owner's
		}
		p.Reportf(flag.Span, "these files belong to the user that runs the program, who can change them; leave --chown out where it need not")
	}
}
