package static

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// unknown is a value that the script does not show.
const unknown = "?"

// reader goes through a script for its calls of go build and for what speaks
// against touching them.
type reader struct {
	step      *Step
	env       []string
	cgo       []string        // what the script itself sets CGO_ENABLED to
	functions map[string]bool // that the script defines
	outputs   []string        // of go build -o so far, as clean paths
	others    []string        // doubts about other commands than go build
}

// read finds the calls. Where one may run several times, or while others do,
// the last of them in the text is not the last to run.
func (r *reader) read(file *syntax.File) {
	r.step.once = true
	r.functions = map[string]bool{}
	syntax.Walk(file, func(n syntax.Node) bool {
		if f, ok := n.(*syntax.FuncDecl); ok && f.Name != nil {
			r.functions[f.Name.Value] = true
		}
		return true
	})
	var above []syntax.Node
	syntax.Walk(file, func(n syntax.Node) bool {
		if n == nil {
			above = above[:len(above)-1]
			return true
		}
		switch x := n.(type) {
		case *syntax.DeclClause:
			for _, a := range x.Args {
				r.assign(a)
			}
			r.printed(x, above)
		case *syntax.CallExpr:
			if len(x.Args) == 0 {
				for _, a := range x.Assigns {
					r.assign(a)
				}
			} else {
				r.call(x, above)
			}
		case *syntax.ParamExp:
			if x.Param != nil && isOurs(x.Param.Value) {
				r.others = append(r.others, "the RUN reads $"+x.Param.Value)
			}
		case *syntax.UnaryTest:
			if w, ok := x.X.(*syntax.Word); ok && x.Op == syntax.TsVarSet && isOurs(literal(w.Parts)) {
				r.others = append(r.others, "the RUN reads $"+literal(w.Parts))
			}
		}
		above = append(above, n)
		return true
	})
}

// assign notes a setting for the rest of the script.
func (r *reader) assign(a *syntax.Assign) {
	if a.Name == nil || a.Naked {
		return
	}
	switch a.Name.Value {
	case "CGO_ENABLED":
		r.cgo = append(r.cgo, value(a))
	case "GOFLAGS":
		r.step.doubt("the RUN sets GOFLAGS itself")
	}
}

// value is what an assignment gives, when it is a word without expansions.
func value(a *syntax.Assign) string {
	if a.Value == nil {
		return ""
	}
	text := strings.Trim(printed(a.Value), `"'`)
	if strings.ContainsAny(text, "$`\\") {
		return unknown
	}
	return text
}

// call looks at one simple command.
func (r *reader) call(c *syntax.CallExpr, above []syntax.Node) {
	argv := words(c.Args)
	at, verb, ok := goCall(argv)
	if !ok {
		r.beside(c, above)
		return
	}
	for _, n := range above {
		switch x := n.(type) {
		case *syntax.ForClause, *syntax.WhileClause, *syntax.FuncDecl:
			r.step.once = false
		case *syntax.Stmt:
			if x.Background || x.Coprocess {
				r.step.once = false
			}
		}
	}
	r.add(c, argv, at, verb)
}

// goCall finds go build and go install in the words of a command, behind
// programs that start others if need be: where go stands, and its verb.
func goCall(argv []string) (at, verb int, ok bool) {
	for len(argv) > at {
		if path.Base(argv[at]) == "go" {
			verb = at + 1
			for verb < len(argv) && strings.HasPrefix(argv[verb], "-C") {
				if argv[verb] == "-C" {
					verb++
				}
				verb++
			}
			return at, verb, verb < len(argv) && (argv[verb] == "build" || argv[verb] == "install")
		}
		inner, ok := unwrapped(argv[at:])
		if !ok || len(inner) == 0 || inner[0] == unknown {
			return 0, 0, false
		}
		at = len(argv) - len(inner)
	}
	return 0, 0, false
}

// transparent are programs that start another in the environment they have,
// wait for it and end as it does, so that go list can stand in go build's place.
var transparent = []string{"env", "command", "builtin", "time", "eatmydata", "nice", "ionice", "nohup", "stdbuf", "timeout", "flock"}

// add notes a call of go build or go install, in which go and its verb stand at
// these places of argv.
func (r *reader) add(c *syntax.CallExpr, argv []string, at, verb int) {
	s := r.step
	k := call{verb: c.Args[verb], name: argv[verb], args: c.Args[verb+1:], start: c.Pos().Offset(), end: c.End().Offset()}
	k.source = s.script[c.Args[at].Pos().Offset():c.End().Offset()]
	for _, a := range c.Assigns {
		k.set(a.Name.Value, value(a))
	}
	for _, w := range argv[:at] {
		name, v, assigned := strings.Cut(w, "=")
		switch {
		case assigned && !strings.HasPrefix(w, "-"):
			if strings.Contains(v, unknown) {
				v = unknown
			}
			k.set(name, v)
		case path.Base(argv[0]) == "env" && strings.HasPrefix(w, "-"):
			s.doubt("go " + k.name + " is called with env " + w)
		}
	}
	for w := argv; len(w) > len(argv)-at; w, _ = unwrapped(w) {
		if !slices.Contains(transparent, path.Base(w[0])) {
			s.doubt("go " + k.name + " is started by " + w[0])
		}
	}
	for i := 0; i < len(k.args); i++ {
		name, joined := flagName(k.args[i])
		if name == "" {
			r.word(&k, k.args[i])
			continue
		}
		r.flag(&k, name)
		if !joined && slices.Contains(takesValue, name) {
			i++
		}
		if i < len(k.args) && name == "o" {
			r.output(k.args[i])
		}
	}
	s.calls = append(s.calls, k)
	s.Commands = append(s.Commands, k.source)
}

// output notes the file that go build writes. w is the value of -o, or the
// flag with its value.
func (r *reader) output(w *syntax.Word) {
	file := literal(w.Parts)
	if strings.HasPrefix(file, "-") {
		_, file, _ = strings.Cut(file, "=")
	}
	if file != "" && !strings.Contains(file, unknown) {
		r.outputs = append(r.outputs, path.Clean(file))
	}
}

// set notes a variable that the call itself is given. GOFLAGS there wins over
// the environment.
func (k *call) set(name, value string) {
	switch name {
	case "CGO_ENABLED":
		k.cgo = value
	case "GOFLAGS":
		k.trimpath, k.ldflags = true, true
	}
}

// flag notes a flag that matters.
func (r *reader) flag(k *call, name string) {
	switch name {
	case "trimpath":
		k.trimpath = true
	case "ldflags":
		k.ldflags = true
	case "race", "msan", "asan", "linkshared", "compiler", "toolexec":
		r.step.doubt("go " + k.name + " is called with -" + name)
	case "buildmode":
		r.step.doubt("go " + k.name + " sets a build mode")
	}
}

// word looks at what is no flag as it is written. A variable may hold flags.
func (r *reader) word(k *call, w *syntax.Word) {
	text := strings.Trim(printed(w), `"'`)
	if k.name == "install" && strings.Contains(text, "@") {
		r.step.doubt("go install fetches " + text)
		return
	}
	if !strings.HasPrefix(text, "$") && !strings.HasPrefix(text, "`") {
		return
	}
	name := strings.Trim(strings.TrimPrefix(text, "$"), "{}")
	held, ok := r.variable(name)
	if !ok {
		r.step.doubt("go " + k.name + " is given " + text + ", which may hold flags")
		return
	}
	for f := range strings.FieldsSeq(held) {
		if flag, ok := strings.CutPrefix(f, "-"); ok {
			flag, _, _ = strings.Cut(strings.TrimPrefix(flag, "-"), "=")
			r.flag(k, flag)
		}
	}
}

// variable gives one of the Dockerfile's that the script leaves alone.
func (r *reader) variable(name string) (string, bool) {
	if strings.Contains(r.step.script, name+"=") {
		return "", false
	}
	return r.given(name)
}

// given gives a variable as the script finds it.
func (r *reader) given(name string) (string, bool) {
	for _, kv := range slices.Backward(r.env) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// decide says what the user decided about cgo: off in every call, or something
// that is not ours to change.
func (r *reader) decide() {
	given, where := "", ""
	if v, ok := r.given("CGO_ENABLED"); ok {
		given, where = v, "the Dockerfile sets CGO_ENABLED="+v
	}
	for _, v := range r.cgo {
		if given = v; v != "0" {
			break
		}
	}
	if len(r.cgo) > 0 {
		where = "the RUN sets CGO_ENABLED itself"
	}
	off := true
	for _, c := range r.step.calls {
		v, who := given, where
		if c.cgo != "" {
			v, who = c.cgo, "the command sets CGO_ENABLED itself"
		}
		if v != "0" && v != "" {
			r.step.doubt(who)
		}
		off = off && v == "0"
	}
	r.step.Off = off
	if r.functions["go"] {
		r.step.doubt("the RUN defines a function named go")
	}
	for _, why := range r.others {
		r.step.doubt(why)
	}
}
