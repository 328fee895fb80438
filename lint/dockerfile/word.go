package dockerfile

import (
	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/command"
)

func (s Script) arg(w *syntax.Word) Arg {
	start, end := int(w.Pos().Offset()), int(w.End().Offset())
	end = min(end, len(s.Text))
	text, ok := command.Literal(w)
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
