package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/command"
)

// values are the variables whose value is the same wherever a script uses
// them: those set before it starts, and those it sets to one literal.
type values struct {
	env  func(string) (string, bool)
	set  map[string]string
	lost map[string]bool // set in more than one way, or computed
}

// collect notes what a script assigns.
func (v *values) collect(file *syntax.File) {
	if v.set == nil {
		v.set, v.lost = map[string]string{}, map[string]bool{}
	}
	lose := func(name string) { v.lost[name] = true }
	syntax.Walk(file, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.Assign:
			v.assign(x)
		case *syntax.WordIter:
			lose(x.Name.Value) // for NAME in ...
		case *syntax.CallExpr:
			if len(x.Args) > 1 && (x.Args[0].Lit() == "read" || x.Args[0].Lit() == "unset" || x.Args[0].Lit() == "getopts") {
				for _, a := range x.Args[1:] {
					lose(a.Lit())
				}
			}
		}
		return true
	})
}

func (v *values) assign(a *syntax.Assign) {
	if a.Name == nil || a.Naked {
		return
	}
	name, text, ok := a.Name.Value, "", true
	if a.Value != nil {
		text, ok = command.Literal(a.Value)
	}
	if have, again := v.set[name]; !ok || a.Append || a.Array != nil || again && have != text {
		v.lost[name] = true
		return
	}
	v.set[name] = text
}

// get is the value of a variable.
func (v *values) get(name string) (string, bool) {
	if v.lost[name] {
		return "", false
	}
	if text, ok := v.set[name]; ok {
		return text, true
	}
	if v.env == nil {
		return "", false
	}
	return v.env(name)
}

// text is the value of a word of literals and known variables.
func (v *values) text(w *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, p := range w.Parts {
		if q, ok := p.(*syntax.DblQuoted); ok {
			for _, inner := range q.Parts {
				if !v.part(&b, inner, command.UnescapeQuoted) {
					return "", false
				}
			}
			continue
		}
		if !v.part(&b, p, command.Unescape) {
			return "", false
		}
	}
	return b.String(), true
}

func (v *values) part(b *strings.Builder, p syntax.WordPart, unescape func(string) string) bool {
	switch x := p.(type) {
	case *syntax.Lit:
		b.WriteString(unescape(x.Value))
	case *syntax.SglQuoted:
		b.WriteString(x.Value)
		return !x.Dollar
	case *syntax.ParamExp:
		return v.expansion(b, x)
	default:
		return false
	}
	return true
}

// expansion gives $NAME, and ${NAME:-default} with a literal default.
func (v *values) expansion(b *strings.Builder, x *syntax.ParamExp) bool {
	if x.Param == nil || x.Excl || x.Length || x.Width || x.Index != nil || x.Slice != nil || x.Repl != nil || x.Names != 0 {
		return false
	}
	text, ok := v.get(x.Param.Value)
	if x.Exp != nil {
		if x.Exp.Op != syntax.DefaultUnset && x.Exp.Op != syntax.DefaultUnsetOrNull || x.Exp.Word == nil || v.lost[x.Param.Value] {
			return false
		}
		if !ok || text == "" {
			text, ok = command.Literal(x.Exp.Word)
		}
	}
	b.WriteString(text)
	return ok
}
