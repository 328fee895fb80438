package walk

import (
	"bytes"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// Add is the fix that puts a flag behind the verb and the short flags that
// follow it, as in install -y. It changes what the RUN does, and so needs to be
// asked for.
func (v Invocation) Add(f *dockerfile.File, flag string) *rule.Fix {
	word := v.VerbSpan
	for _, a := range v.Args {
		switch {
		case a.Span.Start < word.End:
		case v.Call != nil && managers[v.Manager].switches(a.Text):
			word = a.Span
		default:
			return AddFlag(f, v.Command, word, flag)
		}
	}
	return AddFlag(f, v.Command, word, flag)
}

// AddFlag is the fix that puts a flag behind a word of a command. An escape
// character that stands apart at the end of the line stays in its column.
func AddFlag(f *dockerfile.File, c dockerfile.Command, word source.Span, flag string) *rule.Fix {
	text := " " + flag
	if c.Call == nil { // the exec form is JSON
		text = `", "` + flag
	}
	at := After(word)
	rest, _, _ := bytes.Cut(f.Bytes[at.Start:], []byte("\n"))
	blanks := len(rest) - len(bytes.TrimLeft(rest, " "))
	if string(bytes.TrimSpace(rest)) == string(f.Escape) && blanks > len(text) {
		at.End += len(text)
	}
	return &rule.Fix{Title: "Add " + flag, Safety: rule.Unsafe, Edits: []source.Edit{{Span: at, New: text}}}
}

// Append is the fix that puts a command at the end of a RUN, in the layout that
// the RUN has. It is nil where that would not run, or not be the last, or where
// the RUN becomes root by sudo, as the command would have to.
func Append(f *dockerfile.File, in dockerfile.Instruction, command string) *rule.Fix {
	if slices.ContainsFunc(f.Commands(in), func(c dockerfile.Command) bool { return c.Under("sudo", "doas") }) && !AsRoot(f, in) {
		return nil
	}
	edit, ok := appended(f, in, command)
	if !ok {
		return nil
	}
	return &rule.Fix{Title: "Add " + command, Safety: rule.Unsafe, Edits: []source.Edit{edit}}
}

func appended(f *dockerfile.File, in dockerfile.Instruction, command string) (source.Edit, bool) {
	s, ok := f.Script(in)
	if !ok || s.File == nil || len(s.File.Stmts) == 0 {
		return source.Edit{}, false
	}
	text := strings.TrimRight(s.Text, " \t\r\n")
	last := s.File.Stmts[len(s.File.Stmts)-1]
	at := After(s.Span(len(text)-1, len(text)))
	for at.End < len(f.Bytes) && (f.Bytes[at.End] == ' ' || f.Bytes[at.End] == '\t') {
		at.End++ // no blanks are left behind the command
	}
	run, _ := in.Command.(*instructions.RunCommand)
	ends := int(last.End().Offset()) == len(text) // else with a comment, an operator or the body of a heredoc
	switch {
	case last.Background || leaves(last) || strings.HasSuffix(text, string(f.Escape)), strings.Contains(s.Text, "<<") && s.Heredoc:
		return source.Edit{}, false
	case s.Heredoc && StopsOnError(s) && !chained(last):
		return source.Edit{Span: at, New: EOL(f, at.Start) + Indent(f, at.Start) + command}, true
	case s.Heredoc:
		end := len(strings.TrimRight(s.Text[:last.End().Offset()], " \t\r\n"))
		return source.Edit{Span: After(s.Span(end-1, end)), New: " && " + command}, !last.Semicolon.IsValid()
	case len(run.Files) > 0 || !ends:
		return source.Edit{}, false
	}
	joint := "&&"
	if len(s.File.Stmts) > 1 && stopsOnError(s.File.Stmts[0]) && !chained(last) {
		joint = ";"
	}
	if last.Semicolon.IsValid() {
		if joint != ";" {
			return source.Edit{}, false // an error of what stands before would go unseen
		}
		joint = ""
	}
	return source.Edit{Span: at, New: join(f, in, at.Start, joint, len(command)) + command}, true
}

// chained reports whether a statement has a list such as a && b: set -e does not
// stop when a fails, and the status of the statement alone says so.
func chained(st *syntax.Stmt) (found bool) {
	syntax.Walk(st, func(n syntax.Node) bool {
		list, ok := n.(*syntax.BinaryCmd)
		found = found || ok && (list.Op == syntax.AndStmt || list.Op == syntax.OrStmt)
		return !found
	})
	return found
}

// longLine is how long a line of a RUN may become that was on one.
const longLine = 100

// join is what stands between the end of a RUN and a command of a length behind
// it.
func join(f *dockerfile.File, in dockerfile.Instruction, at int, joint string, length int) string {
	blank := " "
	if joint != "&&" {
		blank = ""
	}
	first, last := f.Pos(in.Span().Start).Line, f.Pos(at).Line
	mark := " " + string(f.Escape) + EOL(f, at)
	switch {
	case first == last && len(f.Line(first))+len(joint)+length < longLine:
		return blank + joint + " "
	case first == last && joint == "&&":
		return mark + Indent(f, at) + "    && "
	case first == last:
		return joint + mark + Indent(f, at) + "    "
	}
	for n := last; n > first; n-- {
		if line := bytes.TrimLeft(f.Line(n), " \t"); bytes.HasPrefix(line, []byte("&&")) {
			return mark + string(f.Line(n)[:len(f.Line(n))-len(line)]) + joint + " "
		}
	}
	for n := first; n < last; n++ {
		if line := bytes.TrimRight(f.Line(n), " \t"+string(f.Escape)); bytes.HasSuffix(line, []byte("&&")) {
			return blank + joint + mark + Indent(f, f.LineStart(n+1))
		}
	}
	if joint == "&&" {
		return mark + Indent(f, at) + joint + " "
	}
	return joint + mark + Indent(f, at)
}

// Indent is the white space that the line of an offset begins with.
func Indent(f *dockerfile.File, at int) string {
	line := f.Line(f.Pos(at).Line)
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// EOL is how the line of an offset ends, or where it is the last the one before.
func EOL(f *dockerfile.File, at int) string {
	if end := bytes.IndexByte(f.Bytes[at:], '\n'); end >= 0 {
		if bytes.HasSuffix(f.Bytes[:at+end], []byte("\r")) {
			return "\r\n"
		}
		return "\n"
	}
	if n := f.Pos(at).Line; n > 1 && f.LineStart(n) >= 2 && f.Bytes[f.LineStart(n)-2] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// leaves reports whether nothing after a statement would run.
func leaves(st *syntax.Stmt) bool {
	switch x := st.Cmd.(type) {
	case *syntax.FuncDecl:
		return true
	case *syntax.CallExpr:
		return len(x.Args) > 0 && (x.Args[0].Lit() == "exit" || x.Args[0].Lit() == "exec")
	case *syntax.BinaryCmd:
		return leaves(x.Y)
	}
	return false
}

// stopsOnError reports whether a statement is set -e.
func stopsOnError(st *syntax.Stmt) bool {
	call, ok := st.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) < 2 || call.Args[0].Lit() != "set" {
		return false
	}
	for i, w := range call.Args[1:] {
		lit := w.Lit()
		if len(lit) > 1 && lit[0] == '-' && lit[1] != '-' && strings.Contains(lit, "e") || lit == "errexit" && i > 0 {
			return true
		}
	}
	return false
}

// Above is the offset of the line where an instruction begins, or the comments
// that stand over it without a blank line between.
func Above(f *dockerfile.File, in dockerfile.Instruction) int {
	n := in.Node.StartLine
	for n > 1 && bytes.HasPrefix(bytes.TrimLeft(f.Line(n-1), " \t"), []byte("#")) {
		n--
	}
	return f.LineStart(n)
}
