package templates

import (
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/lint/command"
)

// render fills a text: {{name}} is the value of name, and a line that begins
// with {{name?}} stays only where that value is not empty, one that begins with
// {{!name?}} only where it is. A blank line stays single. text/template would do
// the same and keep the linker from leaving methods out of the program.
func render(text string, values map[string]string) ([]byte, error) {
	var b strings.Builder
	for line := range strings.Lines(text) {
		keep := true
		for keep && strings.HasPrefix(line, "{{") {
			name, rest, ok := strings.Cut(line[2:], "?}}")
			if !ok || strings.Contains(name, "}}") {
				break
			}
			name, negated := strings.CutPrefix(name, "!")
			keep, line = (values[name] != "") != negated, rest
		}
		if !keep {
			continue
		}
		for {
			before, rest, ok := strings.Cut(line, "{{")
			b.WriteString(before)
			if !ok {
				break
			}
			name, rest, ok := strings.Cut(rest, "}}")
			value, known := values[name]
			if !ok || !known {
				return nil, fmt.Errorf("no value for {{%s", name)
			}
			b.WriteString(value)
			line = rest
		}
	}
	out := b.String()
	for strings.Contains(out, "\n\n\n") {
		out = strings.ReplaceAll(out, "\n\n\n", "\n\n")
	}
	return []byte(strings.TrimLeft(out, "\n")), nil
}

// plainCommand cuts a command line that needs no shell.
func plainCommand(s string) ([]string, bool) {
	words, ok := command.Plain(s)
	if !ok {
		return nil, false
	}
	return command.Argv(words), len(words) > 0
}
