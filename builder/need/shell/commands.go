package shell

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/lint/command"
)

// Commands is what a shell script is seen to run. All lists are sorted.
type Commands struct {
	Names     []string // command names, without builtins and the script's own functions
	Maybe     []string // first words that set -- puts before the script's arguments, and values of a command that is computed
	Given     []string // commands in arguments that are command lines: tmux new 'top -b'
	Functions []string // functions that the script defines
	Unknown   []Computed
	Sourced   []string // files read by . or source, and scripts given to a shell
	Finds     bool     // the script reads in what it finds somewhere: for f in /x/*.sh; do . "$f"; done
	ExecArgs  bool     // the script runs its own arguments: exec "$@"
	Root      []string // programs among Names that need root
	Paths     []string // absolute paths and globs among arguments, redirections and loops
	Assigned  []string // absolute paths that variables are set to
}

// Computed is a place where the name of a command is computed.
type Computed struct {
	Line uint
	Word string // as it is written: $CMD, ". $FILE"
	More int    // further places that use the same variable
}

// ReadCommands reads a script. dialect is the name of the shell: sh, dash,
// ash or bash. A script that does not parse is an error.
func ReadCommands(src []byte, dialect string, place Place) (Commands, error) {
	w := &walker{dialect: dialect, names: map[string]bool{}, functions: map[string]bool{}, computed: map[string]int{}, values: values{place: place}}
	if err := w.parse(src, 0); err != nil {
		return Commands{}, err
	}
	for n := range w.functions {
		w.out.Functions = append(w.out.Functions, n)
	}
	for n := range w.names {
		if w.functions[n] {
			continue
		}
		w.out.Names = append(w.out.Names, n)
		if need.NeedsRoot(n) {
			w.out.Root = append(w.out.Root, path.Base(n))
		}
	}
	for _, list := range []*[]string{&w.out.Names, &w.out.Maybe, &w.out.Given, &w.out.Functions, &w.out.Root, &w.out.Sourced, &w.out.Paths, &w.out.Assigned} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return w.out, nil
}

type walker struct {
	dialect   string
	names     map[string]bool
	functions map[string]bool
	computed  map[string]int // places in out.Unknown, by variable
	values    values
	dir       string // where cd last went, "" for where the script starts
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
	w.values.collect(file)
	var open []syntax.Node // those that are walked through
	var dirs []string      // where each began
	syntax.Walk(file, func(n syntax.Node) bool {
		if n == nil {
			last := len(open) - 1
			switch open[last].(type) {
			case *syntax.CmdSubst, *syntax.Subshell, *syntax.ProcSubst:
				w.dir = dirs[last]
			}
			open, dirs = open[:last], dirs[:last]
			return true
		}
		open, dirs = append(open, n), append(dirs, w.dir)
		switch x := n.(type) {
		case *syntax.FuncDecl:
			if x.Name != nil {
				w.functions[x.Name.Value] = true
			}
		case *syntax.CallExpr:
			w.call(x.Args, depth, false)
		case *syntax.Assign:
			w.assign(x)
		case *syntax.WordIter:
			for _, item := range x.Items {
				w.path(item)
			}
		case *syntax.Redirect:
			if x.Op == syntax.RdrIn && x.Word != nil {
				w.path(x.Word)
			}
		}
		return true
	})
	return nil
}

// path notes a word that is an absolute path.
func (w *walker) path(word *syntax.Word) {
	if v, ok := w.absolute(word); ok {
		w.out.Paths = append(w.out.Paths, v)
	}
}

// assign notes absolute paths that a variable is set to: what the script does
// with them cannot always be seen.
func (w *walker) assign(a *syntax.Assign) {
	words := []*syntax.Word{a.Value}
	if a.Array != nil {
		for _, e := range a.Array.Elems {
			words = append(words, e.Value)
		}
	}
	for _, word := range words {
		if word == nil {
			continue
		}
		if v, ok := w.absolute(word); ok {
			w.out.Assigned = append(w.out.Assigned, v)
		}
	}
}

// absolute gives a word that is an absolute path, other than the root and what
// the kernel has below /dev and /proc.
func (w *walker) absolute(word *syntax.Word) (string, bool) {
	v, ok := w.text(word)
	ok = ok && path.IsAbs(v) && path.Clean(v) != "/" && !strings.HasPrefix(v, "/dev/") && !strings.HasPrefix(v, "/proc/")
	v = path.Clean(v)
	// Where the script itself lies is where it begins to look for something.
	return v, ok && !need.Below(w.values.place.Self, v) && !need.Below(w.values.place.Zero, v)
}

// unknown notes a word that names a command or a script and is computed, once
// for all places that use the same variable.
func (w *walker) unknown(word *syntax.Word, before string) {
	text := printed(word)
	key := before + text
	syntax.Walk(word, func(n syntax.Node) bool {
		if x, ok := n.(*syntax.ParamExp); ok && x.Param != nil {
			key = "$" + x.Param.Value
			return false
		}
		return key == before+text
	})
	if at, ok := w.computed[key]; ok {
		w.out.Unknown[at].More++
		return
	}
	w.computed[key] = len(w.out.Unknown)
	w.out.Unknown = append(w.out.Unknown, Computed{Line: word.Pos().Line(), Word: before + text})
}

// text is a word's value, where the script shows it.
func (w *walker) text(word *syntax.Word) (string, bool) { return w.values.text(word) }

// nested follows a script that is written inside this one.
func (w *walker) nested(word *syntax.Word, depth int) {
	if script, ok := command.Literal(word); ok && depth < maxNested {
		_ = w.parse([]byte(script), depth+1) // what does not parse is not followed
	}
}

// call looks at one simple command. external is true where another program
// starts it, so that neither builtins nor functions are meant.
func (w *walker) call(args []*syntax.Word, depth int, external bool) {
	if len(args) == 0 {
		return
	}
	if text := strings.Trim(printed(args[0]), `"`); text == "$0" || text == "${0}" {
		return // the script itself
	}
	name, ok := w.text(args[0])
	if ok && split(args[0]) {
		if fields := strings.Fields(name); len(fields) != 1 || fields[0] != name {
			w.call(slices.Concat(literals(fields, args[0]), args[1:]), depth, external)
			return
		}
	}
	if !ok || name == "" {
		if isArgs(args[0]) {
			w.out.ExecArgs = true
			return
		}
		w.out.Maybe = append(w.out.Maybe, w.values.candidates(args[0])...)
		w.unknown(args[0], "")
		return
	}
	rest := args[1:]
	for _, a := range rest {
		w.path(a)
	}
	if external && command.IsBuiltin(name, w.dialect) {
		w.names[name] = true // the program of that name
		return
	}
	switch base := path.Base(name); base {
	case "cd":
		w.changeDir(rest)
	case ".", "source":
		if len(rest) > 0 {
			if v, ok := w.text(rest[0]); ok {
				w.source(v)
			} else {
				w.out.Finds = true
				w.unknown(rest[0], ". ")
			}
		}
	case "set":
		w.setArgs(rest)
	case "trap", "eval":
		if len(rest) > 0 {
			w.nested(rest[0], depth)
		}
	case "find":
		w.names[name] = true
		w.find(rest, depth)
	case "su", "runuser":
		w.names[name] = true
		w.substitute(rest, depth)
		w.wrapped(base, rest, depth) // runuser -u user command
	default:
		w.command(name)
		if slices.Contains(initScripts, base) && len(rest) > 0 {
			w.initScript(rest[0])
		}
		w.given(base, rest, depth)
		w.out.Given = append(w.out.Given, helpers[base]...)
		switch {
		case command.IsShell(base):
			w.inner(rest, depth)
		case command.IsWrapper(base) && !command.IsMulticall(base):
			w.wrapped(base, rest, depth)
		}
	}
}

// initScripts start a daemon by the script of its name (service(8),
// invoke-rc.d(8), rc-service(8)).
var initScripts = []string{"service", "invoke-rc.d", "rc-service"}

// initScript notes the script that a service's name stands for.
func (w *walker) initScript(word *syntax.Word) {
	if name, ok := w.text(word); ok && name != "" && !strings.ContainsAny(name, "/*?[") && !strings.HasPrefix(name, "-") {
		w.out.Paths = append(w.out.Paths, "/etc/init.d/"+name)
	}
}

// split reports whether the shell makes several words of one, or none: a
// variable in it stands outside of quotes.
func split(w *syntax.Word) bool {
	return slices.ContainsFunc(w.Parts, func(p syntax.WordPart) bool { _, ok := p.(*syntax.ParamExp); return ok })
}

// literals are the words that replace another.
func literals(texts []string, of *syntax.Word) []*syntax.Word {
	out := make([]*syntax.Word, len(texts))
	for i, t := range texts {
		out[i] = &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Left: of.Pos(), Right: of.End(), Value: t}}}
	}
	return out
}

// setArgs notes the command that set -- puts before the arguments, which
// exec "$@" runs then.
func (w *walker) setArgs(rest []*syntax.Word) {
	for i, a := range rest {
		if v, ok := command.Literal(a); ok && v == "--" && i+1 < len(rest) {
			if cmd, ok := w.text(rest[i+1]); ok && cmd != "" && !strings.HasPrefix(cmd, "-") {
				w.out.Maybe = append(w.out.Maybe, cmd)
			}
			return
		}
	}
}

// command notes a command unless the shell has it built in.
func (w *walker) command(name string) {
	if command.IsBuiltin(name, w.dialect) || name == "time" { // a keyword in bash, rare elsewhere
		return
	}
	if there, ok := w.there(name); ok {
		w.out.Maybe = append(w.out.Maybe, name)
		name = there
	}
	w.names[name] = true
}

// changeDir follows cd.
func (w *walker) changeDir(args []*syntax.Word) {
	words, ok := w.values.words(&syntax.CallExpr{Args: args})
	place := w.values.place
	if w.dir != "" {
		place.Dir = w.dir
	}
	dir, known := place.cd(words)
	if w.dir = ""; ok && known {
		w.dir = dir
	}
}

// there is a relative path from where cd went. It is not sure that the script
// passes by that way.
func (w *walker) there(name string) (string, bool) {
	if w.dir == "" || path.IsAbs(name) || !strings.Contains(name, "/") {
		return "", false
	}
	return path.Join(w.dir, name), true
}

// source notes a script that is read in.
func (w *walker) source(name string) {
	w.out.Sourced = append(w.out.Sourced, name)
	if there, ok := w.there(name); ok {
		w.out.Sourced = append(w.out.Sourced, there)
	}
}

// wrapped finds the command that a wrapper such as env or gosu starts.
func (w *walker) wrapped(wrapper string, rest []*syntax.Word, depth int) {
	words := make([]string, len(rest))
	for i, a := range rest {
		v, ok := command.Literal(a)
		if !ok {
			v = "?" // neither a flag nor an assignment
		}
		words[i] = v
	}
	if in, ok := command.Split(wrapper, words); ok {
		w.call(rest[in.Command:], depth, wrapper != "command" && wrapper != "builtin")
	}
}

// substitute follows su -s shell -c 'script'.
func (w *walker) substitute(rest []*syntax.Word, depth int) {
	for i, a := range rest {
		v, ok := command.Literal(a)
		if !ok || i+1 == len(rest) {
			continue
		}
		switch v {
		case "-c", "--command":
			w.nested(rest[i+1], depth)
		case "-s", "--shell":
			if name, ok := w.text(rest[i+1]); ok {
				w.command(name)
			}
		}
	}
}

func (w *walker) find(rest []*syntax.Word, depth int) {
	for i, a := range rest {
		if v, ok := command.Literal(a); ok && slices.Contains([]string{"-exec", "-execdir", "-ok", "-okdir"}, v) {
			w.call(rest[i+1:], depth, true)
		}
	}
}

// helpers are programs that others start by their options or by what a file
// turns out to be (tar(1), zgrep(1), rsync(1)).
var helpers = map[string][]string{
	"tar":   {"gzip", "bzip2", "xz", "zstd", "lzip", "lzma", "lzop"},
	"rsync": {"ssh"},
	"sftp":  {"ssh"},
	"scp":   {"ssh"},
}

// matching are programs whose arguments with blanks are patterns, texts or
// scripts of their own.
var matching = []string{"grep", "egrep", "fgrep", "sed", "awk", "gawk", "mawk", "logger", "printf", "echo", "expr", "tr", "cut", "date", "jq", "perl", "python", "python3", "psql", "mysql", "curl", "wget"}

// given notes the commands of arguments that are command lines by themselves,
// for programs that run what they are given: tmux, watch, faketime, script. A
// text for people is seldom one, and where it is, its first word seldom names a
// program.
func (w *walker) given(base string, rest []*syntax.Word, depth int) {
	if slices.Contains(matching, base) || command.IsBuiltin(base, w.dialect) || command.IsShell(base) || depth >= maxNested {
		return
	}
	for i, a := range rest {
		line, ok := command.Literal(a)
		if ok && line == "--" && i+1 < len(rest) && !command.IsWrapper(base) { // vault exec -- server
			if name, known := w.text(rest[i+1]); known && name != "" && !strings.Contains(name, "/") {
				w.out.Given = append(w.out.Given, name)
			}
		}
		if !ok || !strings.Contains(line, " ") {
			continue
		}
		inner := &walker{dialect: w.dialect, names: map[string]bool{}, functions: map[string]bool{}, computed: map[string]int{}, values: values{place: w.values.place}}
		if inner.parse([]byte(line), maxNested) == nil {
			w.out.Given = append(w.out.Given, slices.Collect(maps.Keys(inner.names))...)
		}
	}
}

// inner reads the script of sh -c, or takes a script file as a path.
func (w *walker) inner(rest []*syntax.Word, depth int) {
	for i, a := range rest {
		v, ok := w.text(a)
		if !ok {
			return
		}
		if strings.HasPrefix(v, "-") && strings.HasSuffix(v, "c") && i+1 < len(rest) {
			w.nested(rest[i+1], depth)
			return
		}
		if !strings.HasPrefix(v, "-") {
			w.source(v)
			return
		}
	}
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
