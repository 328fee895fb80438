package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var passwordlessSudo = rule.Rule{
	Meta: rule.Meta{
		Name:     "passwordless-sudo",
		Family:   rule.Root,
		Summary:  "sudo requires a password",
		Why:      "With NOPASSWD in the settings of sudo an ordinary user is root whenever it likes, and USER protects from nothing.",
		Bad:      "FROM debian:12\nRUN echo 'app ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/app\nUSER app\n",
		Good:     "FROM debian:12\nUSER app\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkPasswordlessSudo,
}

func checkPasswordlessSudo(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if !p.File.Shipped(in.Stage) || in.Keyword != "run" && in.Keyword != "copy" {
			continue
		}
		const word = "NOPASSWD"
		if i := strings.Index(in.Text.Text, word); i >= 0 {
			p.Reportf(in.Text.Span(i, i+len(word)), "sudo makes an ordinary user root without a password; set USER where root is needed")
			continue
		}
		for _, doc := range p.File.Heredocs(in) {
			if i := strings.Index(doc.Content, word); i >= 0 {
				start := doc.Body.Start + max(0, strings.Index(string(p.File.Bytes[doc.Body.Start:doc.Body.End]), word))
				p.Reportf(source.Span{Start: start, End: start + len(word)}, "sudo makes an ordinary user root without a password; set USER where root is needed")
			}
		}
	}
}
