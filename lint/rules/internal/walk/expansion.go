package walk

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// An expansion collects the fields of one word.
type expansion struct {
	vars   *variables
	quoted bool // do not split
	fields []Field
	cur    strings.Builder
	open   bool // cur is a field, be it empty
	dim    bool // cur has an unknown part
}

func (e *expansion) done() []Field {
	e.cut()
	return e.fields
}

func (e *expansion) cut() {
	if e.open && len(e.fields) <= maxFields {
		e.fields = append(e.fields, Field{Text: e.cur.String(), Known: !e.dim})
	}
	e.cur.Reset()
	e.open, e.dim = false, false
}

// maxField and maxFields bound what variables that hold each other grow to.
const (
	maxField  = 1 << 16
	maxFields = 1 << 12
)

func (e *expansion) add(text string) {
	switch {
	case text == "":
	case e.cur.Len()+len(text) > maxField || len(e.fields) > maxFields:
		e.open, e.dim = true, true
	default:
		e.cur.WriteString(text)
		e.open = true
	}
}

func (e *expansion) unknown(name string) {
	e.add("$" + name)
	e.dim = true
}

// split adds text as an unquoted expansion does.
func (e *expansion) split(text string) {
	if e.quoted {
		e.add(text)
		return
	}
	for i, word := range strings.Fields(text) {
		if i > 0 || strings.IndexByte(" \t\n", text[0]) >= 0 {
			e.cut()
		}
		e.add(word)
	}
	if n := len(text); n > 0 && strings.IndexByte(" \t\n", text[n-1]) >= 0 {
		e.cut()
	}
}

func (e *expansion) word(w *syntax.Word) { e.parts(w.Parts) }

func (e *expansion) parts(parts []syntax.WordPart) {
	for _, p := range parts {
		switch x := p.(type) {
		case *syntax.Lit:
			e.add(strings.ReplaceAll(x.Value, `\`, ""))
		case *syntax.SglQuoted:
			e.open = true
			e.add(x.Value)
		case *syntax.DblQuoted:
			was := e.quoted
			e.open, e.quoted = true, true
			e.parts(x.Parts)
			e.quoted = was
		case *syntax.ParamExp:
			e.param(x)
		default:
			e.unknown("()")
		}
	}
}

// param expands $x, ${x}, ${x:-y} and ${x:+y}; what else there is is unknown.
func (e *expansion) param(p *syntax.ParamExp) {
	name := p.Param.Value
	if p.Excl || p.Length || p.Width || p.Index != nil || p.Slice != nil || p.Repl != nil || p.Names != 0 || !syntax.ValidName(name) {
		e.unknown("()")
		return
	}
	x, set := e.vars.get(name)
	op := syntax.ParExpOperator(0)
	if p.Exp != nil {
		op = p.Exp.Op
	}
	switch {
	case p.Exp == nil && !set && e.vars.file.Sets(name): // in another stage
	case p.Exp == nil && !set: // the base image's, perhaps
		e.unknown(name)
	case p.Exp == nil:
		e.value(name, x)
	case op == syntax.DefaultUnset || op == syntax.DefaultUnsetOrNull:
		if set && (!x.known || x.value != "" || op == syntax.DefaultUnset) {
			e.value(name, x)
		} else if p.Exp.Word != nil {
			e.word(p.Exp.Word)
		}
	case op == syntax.AlternateUnset || op == syntax.AlternateUnsetOrNull:
		if set && (!x.known || x.value != "") && p.Exp.Word != nil {
			e.word(p.Exp.Word)
			e.dim = e.dim || !x.known
		}
	default:
		e.unknown(name)
	}
}

func (e *expansion) value(name string, x local) {
	if !x.known {
		e.unknown(name)
		return
	}
	was := e.quoted
	e.quoted = was && !x.each
	e.split(x.value)
	e.quoted = was
}
