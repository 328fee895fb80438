package command

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A Word is one word of a command.
type Word struct {
	Text       string // without its quotes
	Start, End int    // in the script, in bytes
}

// Argv gives the words of a command without their places.
func Argv(words []Word) []string {
	argv := make([]string, len(words))
	for i, w := range words {
		argv[i] = w.Text
	}
	return argv
}

// Simple parses a script that is one command with its arguments, and without
// assignments, redirections and operators. A comment or a semicolon may follow.
func Simple(script string) (*syntax.CallExpr, bool) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil, false
	}
	st := file.Stmts[0]
	call, ok := st.Cmd.(*syntax.CallExpr)
	return call, ok && !st.Negated && !st.Background && !st.Coprocess && len(st.Redirs) == 0 && len(call.Assigns) == 0 && len(call.Args) > 0
}

// Plain reads a script that is one simple command of literal words, so that no
// shell is needed to run it. A leading exec is dropped: the command replaces the
// shell anyway. A builtin is one only where the program of its name does the
// same; whether there is such a program is for the caller to see.
func Plain(script string) (words []Word, ok bool) {
	call, ok := Simple(script)
	if !ok {
		return nil, false
	}
	for _, w := range call.Args {
		text, ok := Literal(w)
		if !ok || special(w) {
			return nil, false
		}
		words = append(words, Word{text, int(w.Pos().Offset()), int(w.End().Offset())})
	}
	if len(words) > 1 && words[0].Text == "exec" && !strings.HasPrefix(words[1].Text, "-") {
		words = words[1:]
	}
	if words[0].Text == "" || IsBuiltin(words[0].Text, "bash") && !sameAsProgram(Argv(words)) {
		return nil, false
	}
	return words, true
}

// sameAsProgram reports whether the program of a builtin's name does the same
// with these arguments. echo does not where shells differ on flags and
// backslashes.
func sameAsProgram(argv []string) bool {
	if argv[0] == "echo" {
		return !slices.ContainsFunc(argv[1:], func(a string) bool { return strings.HasPrefix(a, "-") || strings.Contains(a, `\`) })
	}
	return slices.Contains(programs, argv[0])
}

// special reports whether the shell would change an unquoted part of a word:
// patterns, braces, a tilde where a home directory may stand (bash expands it
// in the value of a word like NAME=~, too). A backslash takes the meaning of
// what follows it.
func special(w *syntax.Word) bool {
	name := false // whether the word is NAME=value
	for i, p := range w.Parts {
		lit, ok := p.(*syntax.Lit)
		if !ok {
			continue
		}
		if i == 0 {
			name = IsAssign(lit.Value)
			if strings.HasPrefix(lit.Value, "~") {
				return true
			}
		}
		for j := 0; j < len(lit.Value); j++ {
			switch lit.Value[j] {
			case '\\':
				j++
			case '*', '?', '[', '{':
				return true
			case '~':
				if name {
					return true
				}
			}
		}
	}
	return false
}
