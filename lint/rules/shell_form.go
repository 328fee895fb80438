package rules

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/command"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var shellForm = rule.Rule{
	Meta: rule.Meta{
		Name:     "shell-form",
		Aliases:  []string{"DL3025", "JSONArgsRecommended", "b86987e1-6397-4619-81d5-8807f2387c79", "prefer-json-notation"},
		Family:   rule.Hygiene,
		Summary:  "CMD and ENTRYPOINT are in JSON form",
		Why:      "The shell form puts a shell between the runtime and the program, which then does not see signals, and needs a shell in the image. Where SHELL was set, the shell is taken to be meant.",
		Bad:      "FROM debian:12\nCMD nginx -g daemon\n",
		Good:     "FROM debian:12\nCMD [\"nginx\", \"-g\", \"daemon\"]\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Yields:   []string{"invalid-json-form"},
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: func(p *rule.Pass) { checkShellForm(p, false) },
}

// checkShellForm reports the shell form of CMD and ENTRYPOINT, either where
// SHELL was set in the stage or one that it is made from, or where it was not.
func checkShellForm(p *rule.Pass, afterShell bool) {
	set := make([]bool, len(p.File.Stages))
	for i := range p.File.Stages {
		if parent := p.File.Stages[i].Parent; parent >= 0 {
			set[i] = set[parent]
		}
		for _, in := range p.File.In(i) {
			if in.Trigger {
				continue
			}
			var line instructions.ShellDependantCmdLine
			switch c := in.Command.(type) {
			case *instructions.ShellCommand:
				set[i] = true
				continue
			case *instructions.CmdCommand:
				line = c.ShellDependantCmdLine
			case *instructions.EntrypointCommand:
				line = c.ShellDependantCmdLine
			default:
				continue
			}
			if line.PrependShell && set[i] == afterShell {
				p.Report(shellFormFinding(p.File, in))
			}
		}
	}
}

// shellFormFinding says what the shell form of an instruction does, and the way
// out that there is.
func shellFormFinding(f *dockerfile.File, in dockerfile.Instruction) rule.Finding {
	keyword := strings.ToUpper(in.Keyword)
	json := jsonForm(f, in)
	finding := rule.Finding{Span: in.Span(), Fix: json, About: list(in)}
	why := keyword + " is in shell form, so that a shell is started first and gets the signals"
	text := strings.TrimSpace(in.Rest().Text)
	if json == nil && strings.ContainsAny(text, "$`*?[~") && slices.Equal(f.Shell(in), []string{"/bin/sh", "-c"}) && !f.Windows(in.Stage) && !looksLikeList(text, true) {
		finding.Fix = namedShell(f, in)
	}
	switch {
	case in.Keyword == "entrypoint":
		finding.Message = "ENTRYPOINT is in shell form, so that CMD and arguments are left out, and a shell gets the signals; write it as a JSON list"
	case strings.HasPrefix(text, "exec "):
		finding.Message, finding.Minor = keyword+" is in shell form; a shell is needed to start the program, though exec hands it the signals", true
	case json != nil:
		finding.Message = why + "; write it as a JSON list"
	default:
		finding.Message = why + `; write a JSON list, ["sh", "-c", "exec …"] where a shell has to fill something in`
	}
	return finding
}

// namedShell writes a command that needs a shell as the list that the shell
// form stands for, and has the program take the shell's place, so that it sees
// signals. With an exec that is there already nothing changes.
func namedShell(f *dockerfile.File, in dockerfile.Instruction) *rule.Fix {
	rest := in.Rest()
	text := strings.TrimRight(rest.Text, " \t")
	span := rest.Span(0, len(text))
	call, ok := command.Simple(text)
	if !ok || !singleLine(f, span) {
		return nil
	}
	first := call.Args[0].Lit()
	if first == "" || first != "exec" && command.ShellOnly(first) || strings.TrimSpace(text[call.End().Offset():]) != "" {
		return nil
	}
	out := &rule.Fix{Title: "Name the shell", Safety: rule.Safe}
	if first != "exec" {
		text = "exec " + text
		out.Title, out.Safety = "Name the shell, and replace it by the program", rule.Unsafe
	}
	out.Edits = []source.Edit{{Span: span, New: `["/bin/sh", "-c", ` + quoteJSON(text) + "]"}}
	return out
}

// jsonForm writes a command as a JSON list, when it is one that a shell does
// nothing for: a name and words without variables, patterns or operators. The
// bytes between the words stay.
func jsonForm(f *dockerfile.File, in dockerfile.Instruction) *rule.Fix {
	rest := in.Rest()
	words, ok := command.Plain(rest.Text)
	if !ok || in.Keyword == "entrypoint" && hasCmd(f, in.Stage) {
		return nil
	}
	last := words[len(words)-1].End
	if strings.TrimSpace(rest.Text[last:]) != "" {
		return nil // a comment or a semicolon, for which a list has no place
	}
	if f.Windows(in.Stage) && (strings.ContainsAny(rest.Text, `\'`) || !strings.Contains(words[0].Text, "/")) {
		return nil // cmd has other quotes, and looks for a name in the working directory, too
	}
	var edits []source.Edit
	if start := words[0].Start; start > 0 { // exec: the command replaces the shell anyway
		gone := source.Span{Start: rest.Offset(0), End: rest.Offset(start)}
		if strings.Contains(string(f.Bytes[gone.Start:gone.End]), "\n") {
			return nil
		}
		edits = append(edits, source.Edit{Span: gone})
	}
	for i, w := range words {
		text := quoteJSON(w.Text)
		if i == 0 {
			text = "[" + text
		}
		if i < len(words)-1 {
			text += ","
		} else {
			text += "]"
		}
		edits = append(edits, source.Edit{Span: rest.Span(w.Start, w.End), New: text})
	}
	return &rule.Fix{Title: "Write it as a JSON list", Safety: rule.Unsafe, Edits: edits}
}

// hasCmd reports whether a stage or one it is made from has a CMD, whose words
// are arguments to an ENTRYPOINT in JSON form and nothing to one in shell form.
func hasCmd(f *dockerfile.File, stage int) bool {
	for ; stage >= 0; stage = f.Stages[stage].Parent {
		if slices.ContainsFunc(f.In(stage), func(in dockerfile.Instruction) bool { return in.Keyword == "cmd" && !in.Trigger }) {
			return true
		}
	}
	return false
}

// quoteJSON writes a string with no more escapes than JSON asks for.
func quoteJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}
