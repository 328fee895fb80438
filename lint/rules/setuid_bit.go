package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var setuidBit = rule.Rule{
	Meta: rule.Meta{
		Name:     "setuid-bit",
		Aliases:  []string{"CIS-DI-0008"},
		Family:   rule.Root,
		Summary:  "no file is made setuid",
		Why:      "A program with the setuid bit runs as its owner, root as a rule, whoever starts it: one more way from an ordinary user to root.",
		Bad:      "FROM debian:12\nRUN chmod u+s /usr/bin/tool\nUSER 10001\n",
		Good:     "FROM debian:12\nRUN chmod 755 /usr/bin/tool\nUSER 10001\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkSetuidBit,
}

func checkSetuidBit(p *rule.Pass) {
	for _, m := range modes(p.File) {
		if !setuid(m.text) {
			continue
		}
		finding := rule.Finding{Span: m.span, Message: "the mode " + m.text + " makes a program run as its owner, whoever starts it"}
		if octal(m.text) && string(p.File.Bytes[m.span.Start:m.span.End]) == m.text {
			finding.Fix = &rule.Fix{Title: "Leave the setuid bit out", Safety: rule.Unsafe, Edits: []source.Edit{{
				Span: m.span, New: m.text[len(m.text)-3:],
			}}}
		}
		p.Report(finding)
	}
}

// setuid reports whether a mode sets the setuid bit. The setgid bit alone, which
// directories have good uses for, is left alone.
func setuid(mode string) bool {
	if octal(mode) {
		return len(mode) > 3 && strings.IndexByte("4567", mode[len(mode)-4]) >= 0
	}
	for clause := range strings.SplitSeq(mode, ",") {
		who, what, ok := strings.Cut(clause, "+")
		if !ok {
			who, what, ok = strings.Cut(clause, "=")
		}
		if ok && strings.Contains(what, "s") && strings.Trim(what, "rwxXst") == "" && (who == "" || strings.ContainsAny(who, "ua")) && strings.Trim(who, "ugoa") == "" {
			return true
		}
	}
	return false
}
