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
	step *Step
	env  []string
	cgo  []string // what the script itself sets CGO_ENABLED to
}

// read finds the calls. Where one may run several times, or while others do,
// the last of them in the text is not the last to run.
func (r *reader) read(file *syntax.File) {
	r.step.once = true
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
		case *syntax.CallExpr:
			if len(x.Args) == 0 {
				for _, a := range x.Assigns {
					r.assign(a)
				}
			}
			r.call(x, above)
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
	if len(c.Args) < 2 || path.Base(c.Args[0].Lit()) != "go" {
		return
	}
	verb := c.Args[1].Lit()
	if verb == "env" && strings.Contains(r.step.script, "-w") {
		r.step.doubt("the RUN writes settings with go env -w")
	}
	if verb != "build" && verb != "install" {
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
	r.add(c)
}

// add notes a call of go build or go install.
func (r *reader) add(c *syntax.CallExpr) {
	s := r.step
	k := call{verb: c.Args[1], args: c.Args[2:], start: c.Pos().Offset(), end: c.End().Offset()}
	k.source = s.script[c.Args[0].Pos().Offset():c.End().Offset()]
	for _, a := range c.Assigns {
		switch a.Name.Value {
		case "CGO_ENABLED":
			k.cgo = value(a)
		case "GOFLAGS":
			// What stands on the line wins over the environment.
			k.trimpath, k.ldflags = true, true
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
	}
	s.calls = append(s.calls, k)
	s.Commands = append(s.Commands, k.source)
}

// flag notes a flag that matters.
func (r *reader) flag(k *call, name string) {
	switch name {
	case "trimpath":
		k.trimpath = true
	case "ldflags":
		k.ldflags = true
	case "race", "msan", "asan", "linkshared", "compiler", "toolexec":
		r.step.doubt("go " + k.verb.Lit() + " is called with -" + name)
	case "buildmode":
		r.step.doubt("go " + k.verb.Lit() + " sets a build mode")
	}
}

// word looks at what is no flag as it is written. A variable may hold flags.
func (r *reader) word(k *call, w *syntax.Word) {
	text := strings.Trim(printed(w), `"'`)
	if k.verb.Lit() == "install" && strings.Contains(text, "@") {
		r.step.doubt("go install fetches " + text)
		return
	}
	if !strings.HasPrefix(text, "$") && !strings.HasPrefix(text, "`") {
		return
	}
	name := strings.Trim(strings.TrimPrefix(text, "$"), "{}")
	held, ok := r.variable(name)
	if !ok {
		r.step.doubt("go " + k.verb.Lit() + " is given " + text + ", which may hold flags")
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
}
