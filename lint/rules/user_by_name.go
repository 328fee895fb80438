package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
	"github.com/whittle-oci/whittle/lint/source"
)

var userByName = rule.Rule{
	Meta: rule.Meta{
		Name:    "user-by-name",
		Aliases: []string{"DL3066"},
		Family:  rule.Root,
		Summary: "the USER of the image is numeric",
		Why: "Kubernetes' runAsNonRoot can only check a number: it refuses to start an image whose user is a name. Write the number that the name stands for. " +
			"The fix knows it where a RUN gives it to the account, or where the base image is known for it.",
		Bad:      "FROM debian:12\nRUN useradd -u 10001 app\nUSER app\n",
		Good:     "FROM debian:12\nRUN useradd -u 10001 app\nUSER 10001\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"hadolint"},
	},
	Check: checkUserByName,
}

func checkUserByName(p *rule.Pass) {
	in, user, known, found := accounts.Last(p.File, p.File.Final().Index)
	name := accounts.Name(user)
	if !found || !known || accounts.Root(user) || strings.Trim(name, "0123456789") == "" {
		return
	}
	base, _ := p.File.BaseName(accounts.Base(p.File, p.File.Final().Index))
	if p.File.Windows(p.File.Final().Index) || strings.HasPrefix(name, "Container") {
		return // Windows has no numbers
	}
	finding := rule.Finding{Span: in.Arguments(), Message: "the user " + name + " is a name, which Kubernetes' runAsNonRoot cannot check; write its number"}
	span := in.Arguments()
	if number := numberOf(p.File, base, name); number != "" && number != "0" && string(p.File.Bytes[span.Start:span.End]) == user {
		if user == "nonroot:nonroot" {
			name, number = user, number+":"+number
		}
		finding.Fix = &rule.Fix{Title: "Write " + number, Safety: rule.Unsafe, Edits: []source.Edit{{
			Span: source.Span{Start: span.Start, End: span.Start + len(name)}, New: number,
		}}}
	}
	p.Report(finding)
}

// numberOf gives the number of a user: the one that a RUN gave it last, else the
// one that the base image is known for.
func numberOf(f *dockerfile.File, base, name string) string {
	number, created := "", false
	for _, a := range accounts.Created(f, f.Final().Index) {
		if a.Name == name {
			number, created = a.UID, true
		}
	}
	if created {
		return number
	}
	return accounts.Number(base, name)
}
