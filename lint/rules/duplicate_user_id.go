package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
)

var duplicateUserID = rule.Rule{
	Meta: rule.Meta{
		Name:     "duplicate-user-id",
		Aliases:  []string{"DKL-LI-0002"},
		Family:   rule.Root,
		Summary:  "accounts have distinct user IDs",
		Why:      "The kernel knows numbers, not names: two accounts with one number own each other's files, and a second account with the number 0 is a second root.",
		Bad:      "FROM debian:12\nRUN useradd -u 1001 app && useradd -o -u 1001 worker\nUSER 1001\n",
		Good:     "FROM debian:12\nRUN useradd -u 1001 app && useradd -u 1002 worker\nUSER 1001\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkDuplicateUserID,
}

func checkDuplicateUserID(p *rule.Pass) {
	seen := map[string]string{"0": "root"}
	for _, a := range accounts.Created(p.File, p.File.Final().Index) {
		other, taken := seen[a.UID]
		switch {
		case a.UID == "":
			if a.Shared {
				p.Reportf(a.Span, "the account "+a.Name+" may get a number that another has")
			}
		case taken && other != a.Name:
			p.Reportf(a.Span, "the accounts "+other+" and "+a.Name+" both have the number "+a.UID)
		default:
			seen[a.UID] = a.Name
		}
	}
}
