package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var accountPassword = rule.Rule{
	Meta: rule.Meta{
		Name:     "account-password",
		Aliases:  []string{"CKV2_DOCKER_17"},
		Family:   rule.Root,
		Summary:  "no RUN sets or removes a password",
		Why:      "A password in a RUN stays in the image's history, and one account of every container has it. An account without a password is one that anybody who gets in can become. Accounts of an image need none: they are chosen with USER.",
		Bad:      "FROM debian:12\nRUN echo 'root:hunter2' | chpasswd\n",
		Good:     "FROM debian:12\nRUN useradd --no-log-init app\nUSER app\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkAccountPassword,
}

func checkAccountPassword(p *rule.Pass) {
	for in, c := range walk.Commands(p.File) {
		if !p.File.Shipped(in.Stage) {
			continue
		}
		switch c.Name {
		case "chpasswd":
			if strings.Contains(in.Text.Text, "/dev/urandom") {
				continue // nobody knows that one
			}
			p.Reportf(c.Span, "chpasswd gives every container of the image one password")
		case "passwd":
			if c.HasFlag("-d", "--delete") {
				p.Reportf(c.Span, "an account without a password is anybody's")
			} else if c.HasFlag("--stdin") {
				p.Reportf(c.Span, "passwd gives every container of the image one password")
			}
		case "useradd", "usermod":
			for i, a := range c.Args {
				if name, value, joined := strings.Cut(a.Text, "="); name == "-p" || name == "--password" {
					if !joined && i+1 < len(c.Args) {
						value = c.Args[i+1].Text
					}
					if !locked(value) && !strings.Contains(value, "/dev/urandom") {
						p.Reportf(c.Span, c.Name+" "+name+" gives every container of the image one password")
					}
				}
			}
		}
	}
}

// locked reports whether the hash of a password is none that a password has.
func locked(hash string) bool { return hash == "*" || hash == "!" || hash == "!!" || hash == "x" }
