package rules

import (
	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var secretValue = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-value",
		Family:   rule.Secrets,
		Summary:  "no text looks like a credential",
		Why:      "Keys of well-known services have a form of their own. One that stands in a Dockerfile is in its history and in every image; take it out, and revoke it.\n\nBeside the forms of well-known services, the command asks the rules of gitleaks, which know some two hundred more and values of high entropy; the frontend image goes without them. A line with the words gitleaks:allow is left to itself by those.",
		Bad:      "FROM debian:12\nRUN curl -H \"Authorization: token ghp_1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuVwXyZ\" https://example.test\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=gh curl -H @/run/secrets/gh https://example.test\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSecretValue,
}

func checkSecretValue(p *rule.Pass) {
	for _, m := range credential.Find(p.File.Bytes) {
		p.Reportf(source.Span{Start: m.Start, End: m.End}, "this has the form of "+m.What+"; take it out and revoke it")
	}
}
