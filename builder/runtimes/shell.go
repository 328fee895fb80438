package runtimes

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Commands is what a shell script is seen to run.
type Commands struct {
	Names    []string // literal command names, sorted, without builtins and functions
	Unknown  []string // places where a command is computed, as "line 4: $CMD"
	Sourced  []string // literal files read by . or source
	ExecArgs bool     // the script runs its own arguments: exec "$@"
	Root     []string // programs among Names that need root
	Paths    []string // literal absolute paths among the arguments
}

// rootCommands change who runs or who owns.
var rootCommands = []string{"gosu", "su-exec", "setpriv", "runuser", "su", "sudo", "chpst", "s6-setuidgid", "chown", "chgrp", "chroot", "mount"}

// builtins are what dash, bash and busybox ash all have.
var builtins = []string{
	".", ":", "[", "alias", "bg", "break", "cd", "command", "continue", "echo", "eval", "exec", "exit", "export", "false", "fg",
	"getopts", "hash", "jobs", "kill", "local", "printf", "pwd", "read", "readonly", "return", "set", "shift", "test", "times",
	"trap", "true", "type", "ulimit", "umask", "unalias", "unset", "wait",
}

// bashBuiltins are bash's own.
var bashBuiltins = []string{"[[", "bind", "builtin", "caller", "compgen", "complete", "compopt", "declare", "dirs", "disown", "enable", "help", "history", "let", "logout", "mapfile", "popd", "pushd", "readarray", "shopt", "source", "suspend", "typeset"}

// ShellCommands reads a script. dialect is the name of the shell: sh, dash,
// ash or bash. A script that does not parse is an error.
func ShellCommands(src []byte, dialect string) (Commands, error) {
	w := &walker{dialect: dialect, names: map[string]bool{}, functions: map[string]bool{}}
	if err := w.parse(src, 0); err != nil {
		return Commands{}, err
	}
	for n := range w.names {
		if w.functions[n] {
			continue
		}
		w.out.Names = append(w.out.Names, n)
		if slices.Contains(rootCommands, path.Base(n)) {
			w.out.Root = append(w.out.Root, path.Base(n))
		}
	}
	for _, list := range []*[]string{&w.out.Names, &w.out.Root, &w.out.Sourced, &w.out.Paths} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return w.out, nil
}

type walker struct {
	dialect   string
	names     map[string]bool
	functions map[string]bool
	out       Commands
}

// maxNested is how deep sh -c inside sh -c is followed.
const maxNested = 4

func (w *walker) parse(src []byte, depth int) error {
	variant := syntax.LangPOSIX
	if w.dialect == "bash" {
		variant = syntax.LangBash
	}
	file, err := syntax.NewParser(syntax.Variant(variant)).Parse(bytes.NewReader(src), "")
	if err != nil && variant != syntax.LangBash {
		// dash and ash take more than POSIX has, such as local.
		file, err = syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(src), "")
	}
	if err != nil {
		return fmt.Errorf("parsing the script: %w", err)
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.FuncDecl:
			if x.Name != nil {
				w.functions[x.Name.Value] = true
			}
		case *syntax.CallExpr:
			w.call(x.Args, depth)
		}
		return true
	})
	return nil
}

// call looks at one simple command.
func (w *walker) call(args []*syntax.Word, depth int) {
	if len(args) == 0 {
		return
	}
	name, ok := literal(args[0])
	if !ok {
		if isArgs(args[0]) {
			w.out.ExecArgs = true
			return
		}
		w.out.Unknown = append(w.out.Unknown, fmt.Sprintf("line %d: %s", args[0].Pos().Line(), printed(args[0])))
		return
	}
	rest := args[1:]
	for _, a := range rest {
		if v, ok := literal(a); ok && path.IsAbs(v) && path.Clean(v) != "/" && !strings.HasPrefix(v, "/dev/") && !strings.HasPrefix(v, "/proc/") {
			w.out.Paths = append(w.out.Paths, path.Clean(v))
		}
	}
	switch path.Base(name) {
	case ".", "source":
		if len(rest) > 0 {
			if v, ok := literal(rest[0]); ok {
				w.out.Sourced = append(w.out.Sourced, v)
			}
		}
		return
	case "exec", "command", "nohup", "builtin", "time", "eval":
		w.builtin(name)
		w.call(skipFlags(rest), depth)
		return
	case "env", "nice", "xargs", "timeout", "stdbuf", "setsid", "tini", "dumb-init", "gosu", "su-exec", "setpriv", "runuser", "chroot", "ionice", "sudo":
		w.names[name] = true
		w.wrapped(path.Base(name), rest, depth)
		return
	case "find":
		w.names[name] = true
		w.find(rest, depth)
		return
	case "sh", "bash", "ash", "dash":
		w.names[name] = true
		w.inner(rest, depth)
		return
	}
	w.builtin(name)
}

// builtin notes a command unless the shell has it built in.
func (w *walker) builtin(name string) {
	if slices.Contains(builtins, name) || w.dialect == "bash" && slices.Contains(bashBuiltins, name) {
		return
	}
	if name == "time" {
		return // a keyword in bash, rare elsewhere
	}
	w.names[name] = true
}

// valueFlags are the flags of wrappers that have their value in the next word.
var valueFlags = map[string][]string{
	"nice": {"-n"}, "xargs": {"-n", "-I", "-P", "-L", "-d", "-s", "-a"}, "timeout": {"-s", "-k"}, "env": {"-u", "-C"},
	"ionice": {"-c", "-n"}, "stdbuf": {"-i", "-o", "-e"}, "sudo": {"-u", "-g"}, "runuser": {"-u"},
	"setpriv": {"--reuid", "--regid", "--groups"},
}

// wrapped finds the command that a wrapper such as env or gosu starts.
func (w *walker) wrapped(wrapper string, rest []*syntax.Word, depth int) {
	// These take one word of their own before the command.
	own := map[string]int{"timeout": 1, "gosu": 1, "su-exec": 1, "chroot": 1}[wrapper]
	skip := false
	for i, a := range rest {
		v, ok := literal(a)
		switch {
		case skip:
			skip = false
			continue
		case ok && slices.Contains(valueFlags[wrapper], v):
			skip = true
			continue
		case ok && v == "--":
			continue
		case ok && (strings.HasPrefix(v, "-") || strings.Contains(v, "=")):
			continue
		case own > 0:
			own--
			continue
		}
		w.call(rest[i:], depth)
		return
	}
}

func (w *walker) find(rest []*syntax.Word, depth int) {
	for i, a := range rest {
		if v, ok := literal(a); ok && slices.Contains([]string{"-exec", "-execdir", "-ok", "-okdir"}, v) {
			w.call(rest[i+1:], depth)
		}
	}
}

// inner reads the script of sh -c, or takes a script file as a path.
func (w *walker) inner(rest []*syntax.Word, depth int) {
	for i, a := range rest {
		v, ok := literal(a)
		if !ok {
			return
		}
		if strings.HasPrefix(v, "-") && strings.HasSuffix(v, "c") && i+1 < len(rest) {
			if script, ok := literal(rest[i+1]); ok && depth < maxNested {
				_ = w.parse([]byte(script), depth+1) // what does not parse is not followed
			}
			return
		}
		if !strings.HasPrefix(v, "-") {
			w.out.Sourced = append(w.out.Sourced, v)
			return
		}
	}
}

func skipFlags(args []*syntax.Word) []*syntax.Word {
	for i, a := range args {
		v, ok := literal(a)
		if ok && (v == "-v" || v == "-V") {
			return nil // command -v asks, it does not run
		}
		if !ok || !strings.HasPrefix(v, "-") {
			return args[i:]
		}
	}
	return nil
}

// literal gives the text of a word that has no expansion in it.
func literal(w *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, p := range w.Parts {
		switch x := p.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(x.Value))
		case *syntax.SglQuoted:
			if x.Dollar {
				return "", false
			}
			b.WriteString(x.Value)
		case *syntax.DblQuoted:
			for _, q := range x.Parts {
				lit, ok := q.(*syntax.Lit)
				if !ok {
					return "", false
				}
				b.WriteString(unescapeDouble(lit.Value))
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

// unescape removes backslashes as the shell does outside of quotes.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unescapeDouble does the same between double quotes, where a backslash means
// itself before most characters.
func unescapeDouble(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0 {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// isArgs reports whether a word is "$@" or $*: the script's own arguments.
func isArgs(w *syntax.Word) bool {
	text := strings.Trim(printed(w), `"`)
	return text == "$@" || text == "${@}" || text == "$*" || strings.HasPrefix(text, "${@:")
}

func printed(w *syntax.Word) string {
	var b bytes.Buffer
	_ = syntax.NewPrinter().Print(&b, w) // a buffer does not fail
	return b.String()
}

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
	if len(argv) == 0 || slices.Contains(builtins, argv[0]) && !slices.Contains([]string{"echo", "printf", "pwd", "test", "[", "true", "false", "kill"}, argv[0]) {
		return nil, false
	}
	return argv, true
}

// special reports whether the shell would change an unquoted part of a word:
// globs, braces, a tilde.
func special(w *syntax.Word) bool {
	for i, p := range w.Parts {
		lit, ok := p.(*syntax.Lit)
		if !ok {
			continue
		}
		if strings.ContainsAny(strings.ReplaceAll(lit.Value, `\*`, ""), "*?[{") || i == 0 && strings.HasPrefix(lit.Value, "~") {
			return true
		}
	}
	return false
}
