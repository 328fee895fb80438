package rules

import (
	"regexp"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var secretValue = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-value",
		Family:   rule.Secrets,
		Summary:  "no text has the form of a credential",
		Why:      "Keys of well-known services have a form of their own. One that stands in a Dockerfile is in its history and in every image; take it out, and revoke it.",
		Bad:      "FROM debian:12\nRUN curl -H \"Authorization: token ghp_abcdefghijklmnopqrstuvwxyz0123456789\" https://example.test\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=gh curl -H @/run/secrets/gh https://example.test\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkSecretValue,
}

func checkSecretValue(p *rule.Pass) {
	for _, form := range credentialForms() {
		for _, m := range form.pattern.FindAllIndex(p.File.Bytes, -1) {
			span := source.Span{Start: m[0], End: m[1]}
			if placeholder(string(p.File.Bytes[m[0]:m[1]])) {
				continue
			}
			p.Reportf(span, "this has the form of "+form.what+"; take it out and revoke it")
		}
	}
}

// credentialForm is what the keys of one service look like.
type credentialForm struct {
	what    string
	pattern *regexp.Regexp
}

// credentialForms are published forms: prefixes that the services chose so
// that their keys can be found.
var credentialForms = sync.OnceValue(func() []credentialForm {
	var out []credentialForm
	for _, f := range []struct{ what, pattern string }{
		{"a GitHub token", `\b(ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{36,255}\b|\bgithub_pat_[A-Za-z0-9_]{22,255}\b`},
		{"a GitLab token", `\bglpat-[A-Za-z0-9_-]{20,64}\b`},
		{"an AWS access key", `\b(AKIA|ASIA)[A-Z2-7]{16}\b`},
		{"a Slack token", `\bxox[abposr]-[A-Za-z0-9-]{10,250}\b`},
		{"a Google API key", `\bAIza[A-Za-z0-9_-]{35}\b`},
		{"an npm token", `\bnpm_[A-Za-z0-9]{36}\b`},
		{"a PyPI token", `\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,1000}\b`},
		{"a Stripe key", `\b(sk|rk)_live_[A-Za-z0-9]{16,247}\b`},
		{"a private key", `-----BEGIN [A-Z ]*PRIVATE KEY-----`},
		{"a Docker token", `\bdckr_pat_[A-Za-z0-9_-]{27,64}\b`},
	} {
		out = append(out, credentialForm{f.what, regexp.MustCompile(f.pattern)})
	}
	return out
})

// placeholder tells keys in documentation from real ones.
func placeholder(s string) bool {
	for _, w := range []string{"EXAMPLE", "XXXXXX", "xxxxxx", "000000"} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
