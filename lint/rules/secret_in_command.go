package rules

import (
	"net/url"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var secretInCommand = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-in-command",
		Family:   rule.Secrets,
		Summary:  "no RUN passes a password on its command line",
		Why:      "The text of a RUN is kept in the image's history. A password in a URL, a --password flag or a curl -u argument can be read by everyone who can pull the image.",
		Bad:      "FROM debian:12\nRUN curl -u admin:hunter2 https://example.test\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=netrc,target=/root/.netrc curl --netrc https://example.test\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkSecretInCommand,
}

func checkSecretInCommand(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		for i, a := range c.Args {
			if !a.Literal {
				continue
			}
			if why := passwordArgument(c, i); why != "" {
				p.Reportf(a.Span, why+" stays in the image's history; use RUN --mount=type=secret")
			}
		}
	}
}

// passwordArgument says how an argument gives a password away, "" when it does
// not.
func passwordArgument(c dockerfile.Command, i int) string {
	a := c.Args[i].Text
	if u, err := url.Parse(a); err == nil && u.User != nil {
		if pass, ok := u.User.Password(); ok && pass != "" && !strings.ContainsAny(pass, "$<{") {
			return "the password in this URL"
		}
	}
	name, value, ok := strings.Cut(a, "=")
	if ok && strings.HasPrefix(name, "--") && value != "" && !strings.HasPrefix(value, "$") && walk.SecretName(strings.TrimLeft(name, "-")) {
		return "the value of " + name
	}
	if (c.Name == "curl" || c.Name == "wget") && i > 0 && (c.Args[i-1].Text == "-u" || c.Args[i-1].Text == "--user") && strings.Contains(a, ":") {
		return "the password after -u"
	}
	return ""
}
