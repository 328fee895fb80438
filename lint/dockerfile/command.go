package dockerfile

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/command"
	"github.com/whittle-oci/whittle/lint/source"
)

// A Command is one simple command of a script: a name and arguments.
type Command struct {
	Name string // base name, "" when it is computed
	Args []Arg  // after the name
	Span source.Span
	// NameSpan is the word that names the command.
	NameSpan source.Span
	// Call is the command in the shell's tree, nil in the exec form.
	Call *syntax.CallExpr
	// Wrappers are the programs that run the command, such as sudo and env,
	// the outermost first, with their arguments.
	Wrappers []Command
	// Assigns are the NAME=value words before the command.
	Assigns []Arg
}

// An Arg is one word of a command.
type Arg struct {
	Text    string // quotes removed; the source where Literal is false
	Literal bool
	Span    source.Span
	Word    *syntax.Word // in the shell's tree, nil in the exec form
}

// Has reports whether one of the literal arguments is text.
func (c Command) Has(text ...string) bool {
	return slices.ContainsFunc(c.Args, func(a Arg) bool { return a.Literal && slices.Contains(text, a.Text) })
}

// HasFlag reports whether a flag is given, alone or joined by "=", or as one
// letter among several.
func (c Command) HasFlag(names ...string) bool {
	for _, a := range c.Args {
		for _, n := range names {
			if a.Text == n || strings.HasPrefix(a.Text, n+"=") {
				return true
			}
			if len(n) == 2 && n[0] == '-' && n[1] != '-' && len(a.Text) > 2 && a.Text[0] == '-' && a.Text[1] != '-' && strings.Contains(a.Text[1:], n[1:]) && !strings.Contains(a.Text, "=") {
				return true
			}
		}
	}
	return false
}

// Words are the arguments that are not flags.
func (c Command) Words() []Arg {
	var out []Arg
	for _, a := range c.Args {
		if !strings.HasPrefix(a.Text, "-") || a.Text == "-" {
			out = append(out, a)
		}
	}
	return out
}

// Under reports whether one of the named programs runs the command.
func (c Command) Under(names ...string) bool {
	return slices.ContainsFunc(c.Wrappers, func(w Command) bool { return slices.Contains(names, w.Name) })
}

// Assigned gives the value of a variable that is set for this command alone.
// known is false where it is computed.
func (c Command) Assigned(name string) (value string, known, set bool) {
	for _, a := range slices.Backward(c.Assigns) {
		if k, v, ok := strings.Cut(a.Text, "="); ok && k == name {
			return v, a.Literal, true
		}
	}
	return "", false, false
}

// Commands lists the simple commands of a RUN in the order of the text, those
// in the scripts of sh -c among them. The exec form is one command and what
// it runs.
func (f *File) Commands(in Instruction) []Command {
	if in.Keyword != "run" {
		return nil
	}
	p := f.parsed(in)
	if !p.listed {
		p.commands, p.listed = f.commands(in), true
	}
	return p.commands
}

func (f *File) commands(in Instruction) []Command {
	if run, ok := in.Command.(*instructions.RunCommand); ok && !run.PrependShell && len(run.Files) == 0 {
		return execForm(in)
	}
	s, ok := f.Script(in)
	if !ok {
		return nil
	}
	return s.commands(nil, 0)
}

// maxNesting bounds sh -c in sh -c.
const maxNesting = 4

func (s Script) commands(out []Command, depth int) []Command {
	if s.File == nil {
		return out
	}
	syntax.Walk(s.File, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		c := s.command(call)
		out = append(out, c)
		if at := shellScript(c); at >= 0 && depth < maxNesting {
			word := call.Args[len(call.Args)-len(c.Args)+at]
			if inner, ok := s.within(word); ok {
				out = inner.commands(out, depth+1)
			}
		}
		return true
	})
	return out
}

// shellScript is the index of the argument that a command runs as a script,
// -1 when there is none: sh -c and su -c.
func shellScript(c Command) int {
	if !command.IsShell(c.Name) && c.Name != "su" && c.Name != "runuser" {
		return -1
	}
	for i, a := range c.Args {
		if len(a.Text) > 1 && a.Text[0] == '-' && a.Text[1] != '-' && strings.HasSuffix(a.Text, "c") && i+1 < len(c.Args) {
			return i + 1
		}
		if a.Text == "--command" && i+1 < len(c.Args) {
			return i + 1
		}
	}
	return -1
}

// within is the script in a quoted word. Variables in double quotes stay as
// they are; text with escapes is left alone, since its bytes are not those of
// the script.
func (s Script) within(w *syntax.Word) (Script, bool) {
	if len(w.Parts) != 1 {
		return Script{}, false
	}
	from, to, escapes := 0, 0, false
	switch q := w.Parts[0].(type) {
	case *syntax.SglQuoted:
		from, to, escapes = int(q.Left.Offset())+1, int(q.Right.Offset()), q.Dollar
	case *syntax.DblQuoted:
		from, to = int(q.Left.Offset())+1, int(q.Right.Offset())
		escapes = q.Dollar || from <= to && to <= len(s.Text) && strings.Contains(s.Text[from:to], `\`)
	}
	if escapes || from == 0 || from > to || to > len(s.Text) {
		return Script{}, false
	}
	text := s.Text[from:to]
	inner := Script{Text: text, at: func(i int) int { return s.at(from + i) }}
	inner.parse()
	return inner, inner.File != nil
}

func (s Script) command(call *syntax.CallExpr) Command {
	args := make([]Arg, len(call.Args))
	for i, w := range call.Args {
		args[i] = s.arg(w)
	}
	c := Command{Call: call, Span: s.Span(int(call.Pos().Offset()), int(call.End().Offset()))}
	for _, a := range call.Assigns {
		if a.Name != nil && a.Index == nil && a.Array == nil {
			c.Assigns = append(c.Assigns, s.assign(a))
		}
	}
	c.name(args)
	return c
}

// name takes the command's words apart into what wraps it, its name and its
// arguments.
func (c *Command) name(args []Arg) {
	for len(args) > 0 {
		name := path.Base(args[0].Text)
		if !args[0].Literal {
			name = ""
		}
		c.Name, c.NameSpan, c.Args = name, args[0].Span, args[1:]
		words := make([]string, len(args)-1)
		for i, a := range args[1:] {
			words[i] = a.Text
		}
		inner, ok := command.Split(name, words)
		if !ok || inner.Command == len(words) {
			return
		}
		rest := args[1+inner.Command:]
		c.Wrappers = append(c.Wrappers, Command{Name: name, NameSpan: args[0].Span, Args: args[1 : 1+inner.Command], Span: source.Span{Start: args[0].Span.Start, End: rest[0].Span.Start}})
		for _, at := range inner.Assigns {
			c.Assigns = append(c.Assigns, args[1+at])
		}
		args = rest
	}
}

// execForm lists the command of RUN ["a", "b"] and, where that is a shell,
// those of its script.
func execForm(in Instruction) []Command {
	var words []Arg
	for _, w := range in.Words() {
		span := source.Span{Start: w.Span.Start + 1, End: w.Span.End - 1} // without its quotes
		words = append(words, Arg{Text: w.Text, Literal: true, Span: span})
	}
	c := Command{Span: in.Span()}
	c.name(words)
	out := []Command{c}
	// A script with escapes is left alone, since its bytes are not those of the
	// file.
	if at := shellScript(c); at >= 0 && c.Args[at].Span.End-c.Args[at].Span.Start == len(c.Args[at].Text) {
		a := c.Args[at]
		inner := Script{Text: a.Text, at: func(i int) int { return a.Span.Start + i }}
		inner.parse()
		out = inner.commands(out, 1)
	}
	return out
}
