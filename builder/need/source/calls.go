package source

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/command"
)

// A How says what a function does with its arguments.
type How uint8

// What functions do.
const (
	// ByShell: the first argument is a command line for a shell.
	ByShell How = iota + 1
	// LikeExec: one argument is a command line, which a shell gets where it has
	// characters of one, and several are a program and its arguments.
	LikeExec
	// ListOrShell: an array is a program and its arguments, a text a command
	// line for a shell.
	ListOrShell
	// Program: the first argument is a program.
	Program
	// BehindTwo and BehindThree: as LikeExec, behind two or three handles.
	BehindTwo
	BehindThree
	// Pipe: the second argument is "-|" or "|-" and the rest as LikeExec, or the
	// last is a command line that begins or ends with "|" (Perl's open).
	Pipe
)

// A Language is how sources of one are read.
type Language struct {
	Dialect
	// Calls are the functions that start something: by name, or by what they
	// belong to and name, with "." between.
	Calls map[string]How
	// Shell are characters by which a command line of LikeExec is one for a
	// shell.
	Shell string
	// Exec says that command lines in backquotes are as LikeExec has them. A
	// shell gets them otherwise.
	Exec bool
	// Loads are the functions and keywords whose first argument names a module.
	Loads []string
}

// A Module is what a source loads by a literal name.
type Module struct {
	Name string
	Line int
}

// Read reads what a source is seen to start and to load.
func (l Language) Read(src string) (uses []Use, modules []Module) {
	tokens := l.scan(src)
	seen := map[Use]bool{}
	add := func(found ...Use) {
		for _, u := range found {
			once := u
			once.Line = 0
			if !seen[once] {
				seen[once] = true
				uses = append(uses, u)
			}
		}
	}
	calls := 0
	for i, t := range tokens {
		if calls == maxCalls {
			break
		}
		switch t.kind {
		case shellText:
			how := ByShell
			if l.Exec {
				how = LikeExec
			}
			add(l.use(how, [][]token{{t}}, t.line)...)
		case word:
			if slices.Contains(l.Loads, t.text) {
				if m, ok := l.module(tokens, i); ok {
					modules = append(modules, m)
				}
			}
			how := l.how(tokens, i)
			if how == 0 {
				continue
			}
			calls++
			if args, ok := l.arguments(tokens, i+1); ok {
				add(l.use(how, args, t.line)...)
			}
		}
	}
	return uses, modules
}

// how looks a call up by its name and what it belongs to.
func (l Language) how(tokens []token, i int) How {
	name := tokens[i].text
	if i > 0 && tokens[i-1].kind == symbol {
		switch before := tokens[i-1].text; before {
		case "->":
			return 0
		case ".":
			if l.Within != "" || l.Letters {
				break // puts texts together
			}
			if i > 1 && tokens[i-2].kind == word {
				return l.Calls[tokens[i-2].text+"."+name]
			}
			return 0
		case "::":
			if i > 1 && tokens[i-2].kind == word {
				return l.Calls[tokens[i-2].text+"."+name]
			}
		case "$", "@", "%", ":":
			return 0
		}
	}
	if i > 0 && tokens[i-1].kind == word && slices.Contains([]string{"function", "def", "sub", "new", "fn", "class", "alias"}, tokens[i-1].text) {
		return 0
	}
	return l.Calls[name]
}

// module reads the name of what is loaded: a text, or words with "::" between.
func (l Language) module(tokens []token, i int) (Module, bool) {
	if i > 0 && tokens[i-1].kind == symbol && tokens[i-1].text != ";" && tokens[i-1].text != "{" && tokens[i-1].text != "}" {
		return Module{}, false
	}
	j := i + 1
	if j < len(tokens) && tokens[j].text == "(" && tokens[j].kind == symbol {
		j++
	}
	if j+2 < len(tokens) && tokens[j].text == "__DIR__" && tokens[j+1].text == "." { // the directory of the source
		j += 2
	}
	if j >= len(tokens) {
		return Module{}, false
	}
	if tokens[j].kind == text {
		return Module{tokens[j].text, tokens[i].line}, tokens[j].plain
	}
	var name strings.Builder
	for ; j < len(tokens) && (tokens[j].kind == word || tokens[j].kind == symbol && tokens[j].text == "::"); j++ {
		if tokens[j].kind == word && j > i+1 && tokens[j-1].kind == word {
			break
		}
		name.WriteString(tokens[j].text)
	}
	return Module{name.String(), tokens[i].line}, name.Len() > 0
}

// Limits on what is looked at of calls.
const (
	maxArgument = 200  // tokens of the arguments of one
	maxCalls    = 2000 // of one file
)

// arguments cuts the arguments of a call at the commas between them. ok is
// false for what is no call.
func (l Language) arguments(tokens []token, i int) (args [][]token, ok bool) {
	if i >= len(tokens) {
		return nil, false
	}
	parens := tokens[i].kind == symbol && tokens[i].text == "("
	switch {
	case parens:
		i++
	case !l.Bare:
		return nil, false
	case tokens[i].kind == newline, tokens[i].kind == symbol && !strings.Contains("$@[{\\*:", tokens[i].text), tokens[i].kind == word && slices.Contains(modifiers, tokens[i].text):
		return nil, false
	}
	depth := 0
	var arg []token
	for n := 0; i < len(tokens) && n < maxArgument; i, n = i+1, n+1 {
		t := tokens[i]
		if t.kind == symbol {
			switch t.text {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				if depth == 0 {
					return append(args, arg), true
				}
				depth--
			case ",":
				if depth == 0 {
					args, arg = append(args, arg), nil
					continue
				}
			case ";":
				if depth == 0 {
					return append(args, arg), true
				}
			case "&&", "||":
				if depth == 0 && !parens {
					return append(args, arg), true
				}
			}
		}
		if depth == 0 && !parens && (t.kind == newline || t.kind == word && slices.Contains(modifiers, t.text)) {
			if t.kind == newline && len(arg) == 0 && len(args) > 0 {
				continue // behind a comma
			}
			return append(args, arg), true
		}
		if t.kind != newline {
			arg = append(arg, t)
		}
	}
	return append(args, arg), len(arg) > 0 || len(args) > 0
}

// modifiers are the words that end the arguments of a call without parentheses.
var modifiers = []string{"if", "unless", "while", "until", "and", "or", "do", "rescue", "for", "foreach", "then", "end"}

// use says what a call starts.
func (l Language) use(how How, args [][]token, line int) []Use {
	args = l.plainArguments(args)
	if len(args) == 0 {
		return nil
	}
	switch how {
	case BehindTwo, BehindThree:
		skip := 2
		if how == BehindThree {
			skip = 3
		}
		return l.use(LikeExec, args[min(skip, len(args)):], line)
	case ByShell:
		return []Use{shellUse(args[0], line)}
	case Program:
		return program(args[0], line)
	case ListOrShell, LikeExec:
		if a := args[0]; l.Bare && len(a) > 1 && a[0].kind == symbol && a[0].text == "*" { // the words of an array
			if a[1].kind != list {
				return nil
			}
			args[0] = a[1:]
		}
		if words, ok := array(args[0]); ok {
			if len(words) == 0 {
				return nil
			}
			return program(words[0], line)
		}
		if how == ListOrShell {
			return []Use{shellUse(args[0], line)}
		}
		if len(args) > 1 {
			return program(args[0], line)
		}
		return l.commandLine(args[0], line)
	case Pipe:
		return l.pipe(args, line)
	}
	return nil
}

// plainArguments leaves out what comes before and behind a command line: an
// environment, options.
func (l Language) plainArguments(args [][]token) [][]token {
	var out [][]token
	for i, a := range args {
		switch {
		case len(a) == 0:
			continue
		case a[0].kind == symbol && a[0].text == "{" && i == 0 && len(args) > 1: // an environment, or Perl's block with a program
			continue
		case l.Bare && !l.Letters && named(a): // key: value, "KEY" => value
			continue
		}
		out = append(out, a)
	}
	if len(args) > 0 && len(out) == 0 {
		return nil
	}
	if len(out) == 2 && len(args[0]) == 1 && args[0][0].kind == word && l.Calls != nil && l.Bare && !l.Letters && args[0][0].text == "env" {
		out = out[1:] // a variable that holds an environment
	}
	return out
}

// named reports whether an argument has a name.
func named(a []token) bool {
	return len(a) > 1 && a[1].kind == symbol && (a[1].text == ":" || a[1].text == "=>") || len(a) > 2 && a[0].text == ":" && a[2].text == "=>"
}

// array gives the elements of ["a", "b"], %w[a b], array("a"), qw(a b).
func array(arg []token) (words [][]token, ok bool) {
	if len(arg) == 0 {
		return nil, false
	}
	if arg[0].kind == list {
		for _, f := range strings.Fields(arg[0].text) {
			words = append(words, []token{{kind: text, text: f, plain: arg[0].plain, line: arg[0].line}})
		}
		return words, true
	}
	open := 0
	if arg[0].kind == word && arg[0].text == "array" {
		open = 1
	}
	if open >= len(arg) || arg[open].kind != symbol || arg[open].text != "[" && (open == 0 || arg[open].text != "(") {
		return nil, false
	}
	var one []token
	depth := 0
	for _, t := range arg[open+1:] {
		if t.kind == symbol {
			switch t.text {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				if depth--; depth < 0 {
					return append(words, one), true
				}
			case ",":
				if depth == 0 {
					words, one = append(words, one), nil
					continue
				}
			}
		}
		one = append(one, t)
	}
	return append(words, one), true
}

// literal gives the text that an argument begins with. whole says that it is
// nothing else.
func literal(arg []token) (value string, whole, ok bool) {
	if len(arg) == 0 || arg[0].kind != text && arg[0].kind != shellText {
		return "", false, false
	}
	return arg[0].text, arg[0].plain && len(arg) == 1, true
}

func shellUse(arg []token, line int) Use {
	value, whole, ok := literal(arg)
	if !ok {
		return Use{Kind: Shell, Line: line}
	}
	return Use{Kind: Shell, Text: value, Line: line, Partial: !whole}
}

func program(arg []token, line int) []Use {
	if words, ok := array(arg); ok && len(words) > 0 { // ["program", "name"]
		arg = words[0]
	}
	value, whole, ok := literal(arg)
	if !ok || !whole || value == "" {
		return nil
	}
	return []Use{{Kind: Starts, Text: value, Line: line}}
}

// reserved are words that only a shell knows (Ruby's process.c, Shell Command
// Language 2.4 and 2.14).
var reserved = []string{"if", "then", "else", "elif", "fi", "case", "esac", "while", "until", "for", "do", "done", "in", "select", "function", "exec", "export", "eval", "set", "unset", "cd", "exit", "trap", "ulimit", "umask", ".", ":", "break", "continue", "return", "shift", "times", "readonly", "command", "alias", "wait", "type"}

// commandLine says what becomes of one text: a shell where it has characters
// of one, else the program that it begins with.
func (l Language) commandLine(arg []token, line int) []Use {
	value, whole, ok := literal(arg)
	if !ok {
		return []Use{{Kind: Shell, Line: line}}
	}
	fields := strings.Fields(value)
	switch {
	case strings.ContainsAny(value, l.Shell), !whole, len(fields) > 0 && (slices.Contains(reserved, fields[0]) || command.IsAssign(fields[0])):
		return []Use{{Kind: Shell, Text: value, Line: line, Partial: !whole}}
	case len(fields) == 0:
		return nil
	}
	return []Use{{Kind: Starts, Text: fields[0], Line: line}}
}

// pipe reads Perl's open.
func (l Language) pipe(args [][]token, line int) []Use {
	if len(args) < 2 {
		return nil
	}
	mode, _, ok := literal(args[1])
	switch {
	case ok && len(args) > 2 && (mode == "-|" || mode == "|-"):
		return l.use(LikeExec, args[2:], line)
	case ok && len(args) == 2 && (strings.HasPrefix(strings.TrimSpace(mode), "|") || strings.HasSuffix(strings.TrimSpace(mode), "|")):
		arg := slices.Clone(args[1])
		mode = strings.TrimLeft(mode, " \t")
		arg[0].text = strings.TrimLeft(strings.TrimSuffix(strings.TrimPrefix(mode, "|"), "|"), " \t")
		return l.commandLine(arg, line)
	}
	return nil
}

// A Call is one of a function that does something else than start a program.
type Call struct {
	How  How
	Text string // its first argument, where that is a literal
	Line int
}

// Named reads the calls of functions that do one of these, in the order of the
// source.
func (l Language) Named(src string, of ...How) []Call {
	var out []Call
	tokens := l.scan(src)
	for i, t := range tokens {
		if t.kind != word {
			continue
		}
		how := l.how(tokens, i)
		if how == 0 || !slices.Contains(of, how) || len(out) == maxCalls {
			continue
		}
		args, ok := l.arguments(tokens, i+1)
		if !ok {
			continue
		}
		c := Call{How: how, Line: t.line}
		if len(args) > 0 {
			if value, whole, ok := literal(args[0]); ok && whole {
				c.Text = value
			}
		}
		out = append(out, c)
	}
	return out
}
