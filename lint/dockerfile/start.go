package dockerfile

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// Starts lists the commands that CMD, ENTRYPOINT or HEALTHCHECK has a container
// run, as Commands does for RUN.
func (f *File) Starts(in Instruction) []Command {
	shell := false
	switch c := in.Command.(type) {
	case *instructions.CmdCommand:
		shell = c.PrependShell
	case *instructions.EntrypointCommand:
		shell = c.PrependShell
	case *instructions.HealthCheckCommand:
		if c.Health == nil || len(c.Health.Test) == 0 || c.Health.Test[0] == "NONE" {
			return nil
		}
		shell = c.Health.Test[0] == "CMD-SHELL"
	default:
		return nil
	}
	if !shell {
		list := in
		if in.Keyword == "healthcheck" {
			v := *in.read()
			v.words = v.words[min(1, len(v.words)):] // without CMD
			list.view = &v
		}
		if len(list.Words()) == 0 {
			return nil
		}
		return execForm(list)
	}
	if f.foreignShell(in) {
		return nil
	}
	text := in.Rest()
	s := Script{Text: strings.TrimRight(text.Text, " \t"), Shell: f.Shell(in), at: text.Offset}
	s.parse()
	return s.commands(nil, 0)
}
