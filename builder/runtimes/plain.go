package runtimes

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// PlainCommand reads a shell-form command line that is one simple command of
// literal words, so that no shell is needed to run it. A leading exec is
// dropped: the command replaces the shell anyway.
func PlainCommand(src string) (argv []string, ok bool) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(src), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil, false
	}
	st := file.Stmts[0]
	call, ok := st.Cmd.(*syntax.CallExpr)
	if !ok || st.Negated || st.Background || st.Coprocess || len(st.Redirs) > 0 || len(call.Assigns) > 0 {
		return nil, false
	}
	for _, w := range call.Args {
		v, ok := literal(w)
		if !ok || special(w) {
			return nil, false
		}
		argv = append(argv, v)
	}
	if len(argv) > 1 && argv[0] == "exec" && !strings.HasPrefix(argv[1], "-") {
		argv = argv[1:]
	}
	if len(argv) == 0 || argv[0] == "" || IsBuiltin(argv[0]) && !sameAsProgram(argv) {
		return nil, false
	}
	return argv, true
}

// sameAsProgram reports whether the program of a builtin's name does the same
// with these arguments. echo does not: shells differ on flags and backslashes.
func sameAsProgram(argv []string) bool {
	switch argv[0] {
	case "echo":
		return !slices.ContainsFunc(argv[1:], func(a string) bool { return strings.HasPrefix(a, "-") || strings.Contains(a, `\`) })
	case "printf", "pwd", "test", "[", "true", "false":
		return true
	}
	return false
}

// special reports whether the shell would change an unquoted part of a word:
// globs, braces, a tilde. A backslash takes the meaning of what follows it.
func special(w *syntax.Word) bool {
	for i, p := range w.Parts {
		lit, ok := p.(*syntax.Lit)
		if !ok {
			continue
		}
		if i == 0 && strings.HasPrefix(lit.Value, "~") {
			return true
		}
		for j := 0; j < len(lit.Value); j++ {
			switch lit.Value[j] {
			case '\\':
				j++
			case '*', '?', '[', '{':
				return true
			}
		}
	}
	return false
}
