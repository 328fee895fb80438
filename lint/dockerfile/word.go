package dockerfile

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

func (s Script) arg(w *syntax.Word) Arg {
	start, end := int(w.Pos().Offset()), int(w.End().Offset())
	end = min(end, len(s.Text))
	text, ok := literal(w)
	if !ok {
		text = s.Text[start:end]
	}
	return Arg{Text: text, Literal: ok, Span: s.Span(start, end), Word: w}
}

// assign is NAME=value as a word.
func (s Script) assign(a *syntax.Assign) Arg {
	start, end := int(a.Pos().Offset()), min(int(a.End().Offset()), len(s.Text))
	out := Arg{Text: a.Name.Value + "=", Literal: true, Span: s.Span(start, end)}
	if a.Value != nil {
		v := s.arg(a.Value)
		out.Text, out.Literal = out.Text+v.Text, v.Literal
	}
	return out
}

// literal gives a word without its quotes, when nothing in it is expanded.
func literal(w *syntax.Word) (string, bool) {
	if len(w.Parts) == 1 {
		if lit, ok := w.Parts[0].(*syntax.Lit); ok && strings.IndexByte(lit.Value, '\\') < 0 {
			return lit.Value, true
		}
	}
	var b strings.Builder
	for _, p := range w.Parts {
		switch x := p.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(x.Value, ""))
		case *syntax.SglQuoted:
			b.WriteString(x.Value)
		case *syntax.DblQuoted:
			for _, q := range x.Parts {
				lit, ok := q.(*syntax.Lit)
				if !ok {
					return "", false
				}
				b.WriteString(unescape(lit.Value, "$`\"\\\n"))
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

// unescape takes the backslashes away that the shell takes away: before one of
// the characters in only, and before any when only is empty.
func unescape(s, only string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (only == "" || strings.IndexByte(only, s[i+1]) >= 0) {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
