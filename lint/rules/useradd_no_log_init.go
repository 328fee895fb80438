package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var useraddNoLogInit = rule.Rule{
	Meta: rule.Meta{
		Name:     "useradd-no-log-init",
		Aliases:  []string{"DL3046"},
		Family:   rule.Fat,
		Summary:  "useradd with a high UID does not write huge log files",
		Why:      "useradd notes the user in /var/log/lastlog and faillog at an offset of uid times the size of a record. For a uid of six digits or more that is a sparse file of many megabytes, which is not sparse any more in a layer.",
		Bad:      "FROM debian:12\nRUN useradd -u 1000000 app\n",
		Good:     "FROM debian:12\nRUN useradd -l -u 1000000 app\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkUseraddNoLogInit,
}

func checkUseraddNoLogInit(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, c := range walk.Named(p.File, "useradd") {
		if !p.File.Shipped(in.Stage) || c.HasFlag("-l", "--no-log-init") {
			continue
		}
		for i, a := range c.Args {
			uid, joined := strings.CutPrefix(a.Text, "--uid=")
			if !joined && (a.Text == "--uid" || len(a.Text) > 1 && a.Text[0] == '-' && a.Text[1] != '-' && strings.HasSuffix(a.Text, "u")) && i+1 < len(c.Args) {
				uid, _ = words.Value(in, c.Args[i+1])
				joined = true
			}
			if joined && len(uid) > 5 && strings.Trim(uid, "0123456789") == "" {
				p.Report(rule.Finding{Span: c.Span, Message: "useradd with the uid " + uid + " fills /var/log/lastlog; add -l", Fix: walk.AddFlag(p.File, c, c.NameSpan, "-l")})
				break
			}
		}
	}
}
