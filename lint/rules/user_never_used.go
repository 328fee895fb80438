package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
)

var userNeverUsed = rule.Rule{
	Meta: rule.Meta{
		Name:     "user-never-used",
		Family:   rule.Root,
		Summary:  "accounts that are created are used",
		Why:      "An account that a RUN creates and nothing names afterwards is one that was meant to run the program: the USER instruction was forgotten, and the image runs as root.",
		Bad:      "FROM debian:12\nRUN useradd web\nCMD [\"app\"]\n",
		Good:     "FROM debian:12\nRUN useradd web\nUSER web\nCMD [\"app\"]\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{},
	},
	Check: checkUserNeverUsed,
}

func checkUserNeverUsed(p *rule.Pass) {
	final := p.File.Final().Index
	if _, user, known, found := accounts.Last(p.File, final); found && (!known || !accounts.Root(user)) {
		return
	}
	created := accounts.Created(p.File, final)
	if len(created) > maxAccounts {
		return
	}
	for _, a := range created {
		if !named(p.File, a) {
			p.Reportf(a.Span, "the account "+a.Name+" is created and never used; USER "+a.Name+" runs the image as it")
		}
	}
}

// maxAccounts is more than an image has.
const maxAccounts = 100

// named reports whether an instruction after the one that creates an account
// speaks of it. Giving it files in the same RUN is not using it.
func named(f *dockerfile.File, a accounts.Account) bool {
	for _, in := range f.Instructions[a.In.Index+1:] {
		if strings.Contains(in.Text.Text, a.Name) || a.UID != "" && strings.Contains(in.Text.Text, a.UID) {
			return true
		}
	}
	return false
}
