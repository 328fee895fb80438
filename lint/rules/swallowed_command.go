package rules

import (
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var swallowedCommand = rule.Rule{
	Meta: rule.Meta{
		Name:     "swallowed-command",
		Family:   rule.Hygiene,
		Summary:  "no comment at the end of a line swallows the rest of a RUN",
		Why:      "The lines of a continued RUN are joined before the shell reads them, so that a # behind a command comments out everything that follows, not the rest of its line. Nothing fails: the commands below never run. A comment on a line of its own is taken out before that, and may stand anywhere.",
		Bad:      "FROM alpine:3.22\nRUN make # the program \\\n && make install\n",
		Good:     "FROM alpine:3.22\n# the program\nRUN make \\\n && make install\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended"},
	},
	Check: checkSwallowedCommand,
}

func checkSwallowedCommand(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		run, ok := in.Command.(*instructions.RunCommand)
		if !ok || len(run.Files) > 0 || !strings.Contains(in.Text.Text, "#") {
			continue
		}
		s, ok := p.File.Script(in)
		if !ok || s.File == nil {
			continue
		}
		at, ok := comment(s)
		if !ok {
			continue
		}
		hash := s.Span(at, at+1).Start
		line := p.File.Pos(hash).Line
		start := p.File.LineStart(line)
		end := start + len(p.File.Line(line))
		next := 0 // the first line that is swallowed
		for i := at; i < len(s.Text) && next == 0; i++ {
			if place := s.Span(i, i+1).Start; place >= end && strings.TrimSpace(s.Text[i:i+1]) != "" {
				next = p.File.Pos(place).Line
			}
		}
		if next == 0 {
			continue
		}
		text := strings.TrimRight(string(p.File.Bytes[hash:end]), " \t\r")
		text = strings.TrimRight(strings.TrimSuffix(text, string(p.File.Escape)), " \t")
		before := strings.TrimRight(string(p.File.Bytes[start:hash]), " \t")
		p.Report(rule.Finding{
			Span:    source.Span{Start: hash, End: hash + len(text)},
			Message: fmt.Sprintf("the lines of a RUN are joined, so this comments out all that follows: line %d never runs", next),
			Fix: &rule.Fix{Title: "Put the comment on a line of its own", Safety: rule.Unsafe, Edits: []source.Edit{
				{Span: source.Span{Start: start, End: start}, New: blanks(before) + text + walk.EOL(p.File, hash)},
				{Span: source.Span{Start: start + len(before), End: hash + len(text)}},
			}},
		})
	}
}

// blanks are those that a line begins with.
func blanks(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// comment is where the comment begins that a script ends with.
func comment(s dockerfile.Script) (at int, ok bool) {
	end := 0
	if n := len(s.File.Stmts); n > 0 {
		end = int(s.File.Stmts[n-1].End().Offset())
	}
	rest := s.Text[min(end, len(s.Text)):]
	tail := strings.TrimLeft(rest, " \t;&")
	return len(s.Text) - len(tail), strings.HasPrefix(tail, "#")
}
