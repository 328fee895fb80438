package walk

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// A Field is a word of a command as the program sees it: variables filled in
// and split where the shell splits them.
type Field struct {
	Text string // what is not known stands in it as $name
	// Known is false where a part is computed or comes from outside.
	Known bool
	Span  source.Span // of the argument that it comes from
}

// Opaque reports whether nothing of the field can be told: it is a variable or
// a substitution and no more.
func (x Field) Opaque() bool {
	name, ok := strings.CutPrefix(x.Text, "$")
	return ok && !x.Known && (name == "()" || syntax.ValidName(name))
}

// An Expander fills variables into words. Values come from ENV and the defaults
// of ARG, and from what the script assigns. A variable that nobody sets is
// empty.
type Expander struct {
	file *dockerfile.File
	last *variables // of the instruction that was asked about last
}

// NewExpander returns an Expander for the instructions of a file.
func NewExpander(f *dockerfile.File) *Expander { return &Expander{file: f} }

func (x *Expander) at(in dockerfile.Instruction) *variables {
	if x.last == nil || x.last.in.Index != in.Index {
		x.last = &variables{file: x.file, in: in}
	}
	return x.last
}

// Fields gives the words that arguments of a command turn into.
func (x *Expander) Fields(in dockerfile.Instruction, args []dockerfile.Arg) []Field {
	var out []Field
	for _, a := range args {
		if a.Literal || a.Word == nil {
			out = append(out, Field{a.Text, a.Literal, a.Span})
			continue
		}
		e := expansion{vars: x.at(in)}
		e.word(a.Word)
		for _, field := range e.done() {
			field.Span = a.Span
			out = append(out, field)
		}
	}
	return out
}

// Value is what one word turns into when it is not split.
func (x *Expander) Value(in dockerfile.Instruction, a dockerfile.Arg) (text string, known bool) {
	if a.Literal || a.Word == nil {
		return a.Text, a.Literal
	}
	e := expansion{vars: x.at(in), quoted: true}
	e.word(a.Word)
	fields := e.done()
	if len(fields) == 0 {
		return "", true
	}
	return fields[0].Text, fields[0].Known
}

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
	case p.Exp == nil && !set:
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

// Environment is the value of a variable in the environment of a command, ""
// when it has none that is known.
func (x *Expander) Environment(in dockerfile.Instruction, c dockerfile.Command, name string) string {
	value, known, set := c.Assigned(name)
	if !set {
		v, _ := x.at(in).get(name)
		value, known = v.value, v.known
	}
	if !known {
		return ""
	}
	return value
}
