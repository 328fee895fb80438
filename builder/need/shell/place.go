package shell

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

// A Place is where a script lies and starts, for what it names from there:
// "$(dirname "$0")/lib.sh". The zero value knows nothing.
type Place struct {
	Getenv  func(name string) (string, bool) // variables that are set before the script starts; may be nil
	Zero    string                           // the path of the script that was started, $0
	Self    string                           // the path of the file itself, ${BASH_SOURCE[0]}
	Dir     string                           // the working directory
	Resolve func(name string) string         // a path with its links followed; may be nil
}

// self gives $0 and the file of bash, which are set by the shell.
func (p Place) self(x *syntax.ParamExp) (string, bool) {
	switch x.Param.Value {
	case "0":
		return p.Zero, p.Zero != "" && x.Index == nil
	case "BASH_SOURCE":
		if x.Index != nil {
			if w, ok := x.Index.(*syntax.Word); !ok || w.Lit() != "0" {
				return "", false
			}
		}
		return p.Self, p.Self != ""
	}
	return "", false
}

// absolute is a path from the working directory.
func (p Place) absolute(name string) (string, bool) {
	if path.IsAbs(name) {
		return path.Clean(name), true
	}
	return path.Join(p.Dir, name), p.Dir != ""
}

// resolve follows links, where the tree is known.
func (p Place) resolve(name string) (string, bool) {
	name, ok := p.absolute(name)
	if ok && p.Resolve != nil {
		name = p.Resolve(name)
	}
	return name, ok
}

// substitution is what $(…) prints, for the commands that scripts find their
// own directory with: dirname, basename, readlink, realpath, pwd, and cd before
// pwd.
func (v *values) substitution(stmts []*syntax.Stmt) (string, bool) {
	var calls []*syntax.CallExpr
	for _, s := range stmts {
		if calls = appendCalls(calls, s); calls == nil {
			return "", false
		}
	}
	switch {
	case len(calls) == 1:
		return v.output(calls[0], v.place)
	case len(calls) == 2:
		words, ok := v.words(calls[0])
		if !ok || len(words) == 0 || words[0] != "cd" {
			return "", false
		}
		place := v.place
		if place.Dir, ok = v.place.cd(words[1:]); !ok {
			return "", false
		}
		return v.output(calls[1], place)
	}
	return "", false
}

// cd is the directory that cd with some arguments goes to.
func (p Place) cd(args []string) (string, bool) {
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
	if len(args) != 1 || args[0] == "" {
		return "", false
	}
	return p.absolute(args[0])
}

// appendCalls adds the commands of a statement that follow each other, nil when
// it is anything else.
func appendCalls(calls []*syntax.CallExpr, s *syntax.Stmt) []*syntax.CallExpr {
	if s.Negated || s.Background {
		return nil
	}
	switch x := s.Cmd.(type) {
	case *syntax.CallExpr:
		return append(calls, x)
	case *syntax.BinaryCmd:
		if x.Op != syntax.AndStmt {
			return nil
		}
		if calls = appendCalls(calls, x.X); calls != nil {
			return appendCalls(calls, x.Y)
		}
	}
	return nil
}

// words are the words of a command, where the script shows all of them.
func (v *values) words(call *syntax.CallExpr) ([]string, bool) {
	out := make([]string, len(call.Args))
	for i, a := range call.Args {
		text, ok := v.text(a)
		if !ok {
			return nil, false
		}
		out[i] = text
	}
	return out, true
}

// output is what one command prints.
func (v *values) output(call *syntax.CallExpr, place Place) (string, bool) {
	words, ok := v.words(call)
	if !ok || len(words) == 0 {
		return "", false
	}
	operands := slices.DeleteFunc(slices.Clone(words[1:]), func(a string) bool { return strings.HasPrefix(a, "-") })
	switch name := path.Base(words[0]); {
	case name == "pwd" && len(operands) == 0:
		return place.Dir, place.Dir != ""
	case len(operands) == 0 || operands[0] == "":
		return "", false
	case name == "dirname" && len(operands) == 1:
		return path.Dir(operands[0]), true
	case name == "basename" && len(operands) <= 2:
		base := path.Base(operands[0])
		if len(operands) == 2 && base != operands[1] {
			base = strings.TrimSuffix(base, operands[1])
		}
		return base, true
	case name == "realpath" && len(operands) == 1, name == "readlink" && len(operands) == 1 && slices.ContainsFunc(words[1:], func(a string) bool {
		return strings.HasPrefix(a, "-") && strings.ContainsAny(a, "fem")
	}):
		return place.resolve(operands[0])
	}
	return "", false
}

// removed is ${NAME%pattern} and its like.
func (v *values) removed(text string, exp *syntax.Expansion) (string, bool) {
	if exp.Word == nil {
		return text, true
	}
	var glob strings.Builder
	for _, p := range exp.Word.Parts {
		lit, ok := p.(*syntax.Lit)
		if !ok {
			return "", false
		}
		glob.WriteString(lit.Value)
	}
	re, err := pattern.Regexp(glob.String(), pattern.EntireString)
	if err != nil || len(text) > maxRemoved {
		return "", false
	}
	matches, err := regexp.Compile(re)
	if err != nil {
		return "", false
	}
	cuts := make([]int, 0, len(text)+1)
	for i := range len(text) + 1 {
		cuts = append(cuts, i)
	}
	if exp.Op == syntax.RemSmallSuffix || exp.Op == syntax.RemLargePrefix {
		slices.Reverse(cuts)
	}
	for _, i := range cuts {
		switch suffix := exp.Op == syntax.RemSmallSuffix || exp.Op == syntax.RemLargeSuffix; {
		case suffix && matches.MatchString(text[i:]):
			return text[:i], true
		case !suffix && matches.MatchString(text[:i]):
			return text[i:], true
		}
	}
	return text, true
}

// maxRemoved bounds the texts that patterns are removed from, in bytes.
const maxRemoved = 512
