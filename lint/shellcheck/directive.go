package shellcheck

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/source"
)

// A disabled is a part of a script for which a comment of the Dockerfile
// suppresses rules.
type disabled struct {
	span  source.Span
	rules []string
}

// directive matches ShellCheck's own comments.
var directive = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^#?\s*shellcheck\s+(?:[a-z-]+=\S+\s+)*disable=([A-Za-z0-9,-]+)`)
})

// disabled reads the comments above a RUN, which are about all of it, and those
// between its lines, which are about the command that follows. BuildKit drops
// both, so that ShellCheck does not see them. Those in a heredoc it does.
func (s script) disabled() []disabled {
	var out []disabled
	for _, c := range s.in.Node.PrevComment {
		if m := directive().FindStringSubmatch(c); m != nil {
			out = append(out, disabled{s.text.Span(0, len(s.text.Text)), strings.Split(m[1], ",")})
		}
	}
	last := s.file.Pos(s.in.Text.Offset(len(s.in.Text.Text))).Line
	for n := s.in.Node.StartLine; n < last; n++ {
		m := directive().FindStringSubmatch(strings.TrimSpace(string(s.file.Line(n))))
		if m != nil {
			out = append(out, disabled{s.commandAfter(s.file.LineStart(n)), strings.Split(m[1], ",")})
		}
	}
	return out
}

// commandAfter is the first command that begins after an offset of the file, or
// the rest of the script where its commands are not known.
func (s script) commandAfter(offset int) source.Span {
	found := source.Span{Start: offset, End: len(s.file.Bytes)}
	if s.text.File == nil {
		return found
	}
	done := false
	syntax.Walk(s.text.File, func(n syntax.Node) bool {
		stmt, ok := n.(*syntax.Stmt)
		if done || !ok {
			return !done
		}
		span := s.text.Span(int(stmt.Pos().Offset()), int(stmt.End().Offset()))
		if span.Start >= offset {
			found, done = span, true
		}
		return !done
	})
	return found
}

// about reports whether a finding is switched off.
func (d disabled) about(span source.Span, code int) bool {
	if span.Start < d.span.Start || span.Start >= d.span.End {
		return false
	}
	for _, r := range d.rules {
		from, to, ranged := strings.Cut(strings.TrimPrefix(r, "SC"), "-")
		if !ranged {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(strings.TrimPrefix(to, "SC"))
		if r == "all" || err1 == nil && err2 == nil && first <= code && code <= last {
			return true
		}
	}
	return false
}
