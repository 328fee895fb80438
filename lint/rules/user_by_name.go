package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
)

var userByName = rule.Rule{
	Meta: rule.Meta{
		Name:     "user-by-name",
		Family:   rule.Root,
		Summary:  "the final USER is a number",
		Why:      "Kubernetes' runAsNonRoot can only check a number: it refuses to start an image whose user is a name. Write the number that the name stands for.",
		Bad:      "FROM debian:12\nRUN useradd app\nUSER app\n",
		Good:     "FROM debian:12\nUSER 10001\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{},
	},
	Check: checkUserByName,
}

func checkUserByName(p *rule.Pass) {
	in, user, ok := lastUser(p.File, p.File.Final().Index)
	if !ok || user == "" || user == "root" {
		return
	}
	if user[0] >= '0' && user[0] <= '9' {
		return
	}
	p.Reportf(in.Arguments(), "the user "+user+" is a name, which Kubernetes' runAsNonRoot cannot check; write its number")
}
