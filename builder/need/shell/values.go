package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/command"
)

// values are the variables whose value is the same wherever a script uses
// them: those set before it starts, and those that it sets in one way. A
// default counts as the value, since nothing is known that replaces it.
type values struct {
	place Place
	set   map[string][]assigned
	lost  map[string]bool   // computed, or not the same everywhere
	known map[string]*value // those that were looked at
	busy  map[string]bool   // those that are being looked at
}

// assigned is one way in which a script sets a variable.
type assigned struct {
	word    *syntax.Word // nil for the empty value
	ifUnset bool         // ${NAME:=word}
}

// A value is what a script shows of a variable. Nil stands for one that is
// set, to what is not known.
type value struct {
	text string
	set  bool
}

// Limits on what is put together from variables, which may name each other.
const (
	maxValue = 4096 // bytes of one, as of a path (PATH_MAX)
	maxChain = 100  // variables whose values name the next
)

// collect notes what a script assigns.
func (v *values) collect(file *syntax.File) {
	if v.set == nil {
		v.set, v.lost, v.busy = map[string][]assigned{}, map[string]bool{}, map[string]bool{}
	}
	v.known = map[string]*value{}
	lose := func(name string) { v.lost[name] = true }
	syntax.Walk(file, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.Assign:
			v.assign(x)
		case *syntax.ParamExp:
			if x.Param != nil && x.Exp != nil && (x.Exp.Op == syntax.AssignUnset || x.Exp.Op == syntax.AssignUnsetOrNull) {
				v.set[x.Param.Value] = append(v.set[x.Param.Value], assigned{x.Exp.Word, true})
			}
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
	switch {
	case a.Name == nil || a.Naked:
	case a.Append || a.Array != nil || a.Index != nil:
		v.lost[a.Name.Value] = true
	default:
		v.set[a.Name.Value] = append(v.set[a.Name.Value], assigned{a.Value, false})
	}
}

// get is the value of a variable. One that names itself, as in X=${X:-x}, is
// what it was before the script.
func (v *values) get(name string) *value {
	switch known, ok := v.known[name]; {
	case ok:
		return known
	case v.lost[name] || len(v.busy) > maxChain:
		return nil
	case v.busy[name] || len(v.set[name]) == 0:
		return v.before(name)
	}
	v.busy[name] = true
	defer delete(v.busy, name)
	var out *value
	for i, a := range v.set[name] {
		one := v.before(name)
		if !a.ifUnset || one.text == "" {
			text, ok := "", true
			if a.word != nil {
				text, ok = v.text(a.word)
			}
			if one = nil; ok {
				one = &value{text, true}
			}
		}
		if one == nil || i > 0 && *one != *out {
			out = nil
			break
		}
		out = one
	}
	v.known[name] = out
	return out
}

// before is what a variable is before the script starts.
func (v *values) before(name string) *value {
	if v.place.Getenv == nil {
		return &value{}
	}
	if text, set := v.place.Getenv(name); set {
		return &value{text, true}
	}
	return &value{}
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
		text, ok := v.expansion(x)
		if b.Len()+len(text) > maxValue {
			return false
		}
		b.WriteString(text)
		return ok
	case *syntax.CmdSubst:
		text, ok := v.substitution(x.Stmts)
		if b.Len()+len(text) > maxValue {
			return false
		}
		b.WriteString(text)
		return ok
	default:
		return false
	}
	return true
}

// expansion gives $NAME, and ${NAME:-default} and its like.
func (v *values) expansion(x *syntax.ParamExp) (string, bool) {
	if x.Param == nil || x.Excl || x.Length || x.Width || x.Slice != nil || x.Repl != nil || x.Names != 0 {
		return "", false
	}
	var val *value
	if text, ok := v.place.self(x); ok {
		val = &value{text, true}
	} else if x.Index == nil {
		val = v.get(x.Param.Value)
	}
	if val == nil {
		return "", false
	}
	if x.Exp == nil {
		return val.text, val.set
	}
	switch x.Exp.Op {
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		return val.text, val.set
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if val.text != "" || x.Exp.Word == nil {
			return val.text, val.set
		}
		return v.text(x.Exp.Word)
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix, syntax.RemSmallPrefix, syntax.RemLargePrefix:
		if val.set {
			return v.removed(val.text, x.Exp)
		}
	}
	return "", false
}

// candidates gives what a word may be that is one variable with several values,
// or with one that is computed up to its last slash: NAME and "$dir/NAME".
func (v *values) candidates(w *syntax.Word) []string {
	parts := w.Parts
	if len(parts) == 1 {
		if q, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = q.Parts
		}
	}
	if len(parts) != 1 {
		return ending(parts)
	}
	x, ok := parts[0].(*syntax.ParamExp)
	if !ok || x.Param == nil {
		return nil
	}
	words := make([]*syntax.Word, 0, len(v.set[x.Param.Value])+1)
	for _, a := range v.set[x.Param.Value] {
		words = append(words, a.word)
	}
	if x.Exp != nil {
		words = append(words, x.Exp.Word)
	}
	var out []string
	for _, word := range words[:min(len(words), maxChain)] {
		if word == nil {
			continue
		}
		if text, ok := v.text(word); ok {
			if text != "" && len(strings.Fields(text)) == 1 {
				out = append(out, text)
			}
			continue
		}
		inner := word.Parts
		if len(inner) == 1 {
			if q, ok := inner[0].(*syntax.DblQuoted); ok {
				inner = q.Parts
			}
		}
		out = append(out, ending(inner)...)
	}
	return out
}

// ending gives the literal that parts of a word end with behind a slash.
func ending(parts []syntax.WordPart) []string {
	if len(parts) < 2 {
		return nil
	}
	last, ok := parts[len(parts)-1].(*syntax.Lit)
	if !ok {
		return nil
	}
	if i := strings.LastIndex(last.Value, "/"); i >= 0 && i+1 < len(last.Value) {
		return []string{last.Value[i+1:]}
	}
	return nil
}
