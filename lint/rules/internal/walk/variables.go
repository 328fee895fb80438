package walk

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// variables are those of an instruction and of its script.
type variables struct {
	file   *dockerfile.File
	in     dockerfile.Instruction
	locals map[string]local // nil until asked
}

// A local is a variable that a script sets.
type local struct {
	value string
	known bool
	each  bool // one word of the value at a time: the variable of a loop
}

// get gives the value of a variable. set is false when nobody sets it.
func (v *variables) get(name string) (x local, set bool) {
	if v.locals == nil {
		v.locals = map[string]local{}
		if s, ok := v.file.Script(v.in); ok && s.File != nil {
			v.assignments(s.File)
		}
	}
	if x, ok := v.locals[name]; ok {
		return x, true
	}
	x.value, x.known, set = v.file.Variable(v.in, name)
	return x, set
}

// assignments notes what a script sets, in the order of its text. A variable
// with two values has none that is known.
func (v *variables) assignments(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.CallExpr:
			if len(x.Args) == 0 || slices.Contains(special, x.Args[0].Lit()) {
				v.assign(x.Assigns)
			} else if x.Args[0].Lit() == "read" {
				for _, w := range x.Args[1:] {
					v.locals[w.Lit()] = local{}
				}
			}
		case *syntax.DeclClause:
			v.assign(x.Args)
		case *syntax.ForClause:
			if it, ok := x.Loop.(*syntax.WordIter); ok {
				items := v.list(it.Items)
				items.each = true
				v.set(it.Name.Value, items, false)
			}
		}
		return true
	})
}

// special are builtins after which the assignments before them stay in force
// (POSIX.1-2017, Shell and Utilities, 2.14).
var special = []string{":", "set", "eval", "exec", "unset", "shift", "trap", "."}

func (v *variables) assign(list []*syntax.Assign) {
	for _, a := range list {
		switch {
		case a.Name == nil || a.Naked:
		case a.Array != nil || a.Index != nil:
			v.locals[a.Name.Value] = local{}
		default:
			var words []*syntax.Word
			if a.Value != nil {
				words = append(words, a.Value)
			}
			v.set(a.Name.Value, v.list(words), a.Append)
		}
	}
}

// list is the text of words with blanks between.
func (v *variables) list(words []*syntax.Word) local {
	out := local{known: true}
	var b strings.Builder
	for i, w := range words {
		e := expansion{vars: v, quoted: true}
		e.word(w)
		if i > 0 {
			b.WriteByte(' ')
		}
		for _, x := range e.done() {
			b.WriteString(x.Text)
			out.known = out.known && x.Known
		}
		if b.Len() > maxField {
			return local{}
		}
	}
	out.value = b.String()
	return out
}

func (v *variables) set(name string, x local, more bool) {
	old, again := v.locals[name]
	switch {
	case more:
		x.value, x.known = old.value+x.value, x.known && (old.known || !again)
		if len(x.value) > maxField {
			x = local{}
		}
	case again && old != x:
		x = local{}
	}
	v.locals[name] = x
}
