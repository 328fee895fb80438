package rules

import (
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var shellForm = rule.Rule{
	Meta: rule.Meta{
		Name:     "shell-form",
		Aliases:  []string{"DL3025", "JSONArgsRecommended"},
		Family:   rule.Hygiene,
		Summary:  "CMD and ENTRYPOINT are in JSON form",
		Why:      "The shell form puts a shell between the runtime and the program, which then does not see signals, and needs a shell in the image.",
		Bad:      "FROM debian:12\nCMD nginx -g daemon\n",
		Good:     "FROM debian:12\nCMD [\"nginx\", \"-g\", \"daemon\"]\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkShellForm,
}

func checkShellForm(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		var line instructions.ShellDependantCmdLine
		switch c := in.Command.(type) {
		case *instructions.CmdCommand:
			line = c.ShellDependantCmdLine
		case *instructions.EntrypointCommand:
			line = c.ShellDependantCmdLine
		default:
			continue
		}
		if !line.PrependShell || len(line.CmdLine) == 0 {
			continue
		}
		finding := rule.Finding{Span: in.Span(), Message: strings.ToUpper(in.Keyword) + " is in shell form; write it as a JSON list"}
		if words := strings.Fields(line.CmdLine[0]); len(words) > 0 && !strings.ContainsAny(line.CmdLine[0], "$`'\"\\;&|<>(){}*?[]~#=!") {
			if words[0] == "exec" && len(words) > 1 {
				words = words[1:] // the command replaces the shell anyway
			}
			for i, w := range words {
				words[i] = strconv.Quote(w)
			}
			finding.Fix = &rule.Fix{Title: "Write it as a JSON list", Safety: rule.Unsafe, Edits: []source.Edit{{
				Span: in.Span(), New: strings.ToUpper(in.Keyword) + " [" + strings.Join(words, ", ") + "]",
			}}}
		}
		p.Report(finding)
	}
}
