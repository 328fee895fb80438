package walk

import (
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
// of ARG, and from what the script assigns. A variable that only another stage
// sets is empty; one that the whole file does not name may be the base image's.
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
