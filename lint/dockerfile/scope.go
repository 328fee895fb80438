package dockerfile

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// A setting is one ENV or ARG of a stage with its value filled in.
type setting struct {
	index int // of the instruction
	value string
	known bool
	set   bool // false for an ARG without a default
}

// settings are the variables of one stage, each in the order of the file.
type settings map[string][]setting

// A scope is the variables in force before an instruction. It implements
// shell.EnvGetter.
type scope struct {
	f             *File
	stage, before int
}

// Get implements shell.EnvGetter.
func (s scope) Get(name string) (string, bool) {
	x, ok := s.lookup(name)
	return x.value, ok && x.known
}

// lookup finds the last setting of a name, in the stage or one it is made
// from. An ARG without a default leaves what was set before it.
func (s scope) lookup(name string) (last setting, ok bool) {
	if !s.f.Sets(name) {
		return last, false
	}
	before := s.before
	for stage := s.stage; stage >= 0; stage = s.f.Stages[stage].Parent {
		list := s.f.settings(stage)[name]
		n, _ := slices.BinarySearchFunc(list, before, func(x setting, at int) int { return x.index - at })
		for n--; n >= 0; n-- {
			if list[n].set {
				return list[n], true
			}
			ok = true
		}
		before = len(s.f.Instructions)
	}
	return last, ok
}

// Sets reports whether some ENV or ARG of the file names a variable. Most that
// are asked for are none, and a chain of stages can be long.
func (f *File) Sets(name string) bool {
	if f.set == nil {
		f.set = map[string]bool{}
		for _, in := range f.Instructions {
			switch c := in.Command.(type) {
			case *instructions.EnvCommand:
				for _, kv := range c.Env {
					f.set[kv.Key] = true
				}
			case *instructions.ArgCommand:
				for _, kv := range c.Args {
					f.set[kv.Key] = true
				}
			}
		}
	}
	return f.set[name]
}

// Keys implements shell.EnvGetter.
func (s scope) Keys() []string {
	var out []string
	for stage := s.stage; stage >= 0; stage = s.f.Stages[stage].Parent {
		for k := range s.f.settings(stage) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// global are the ARGs before the first FROM. It implements shell.EnvGetter.
type global map[string]string

// Get implements shell.EnvGetter.
func (g global) Get(name string) (string, bool) {
	x, ok := g[name]
	return x, ok
}

// Keys implements shell.EnvGetter.
func (g global) Keys() []string {
	out := make([]string, 0, len(g))
	for k := range g {
		out = append(out, k)
	}
	return out
}

// globals fills the defaults of ARGs before the first FROM into each other.
func (f *File) globals() global {
	if f.global == nil {
		f.global = f.build.platform()
		for _, a := range f.MetaArgs {
			for _, kv := range a.Args {
				if v, ok := f.build.Args[kv.Key]; ok {
					f.global[kv.Key] = v
					continue
				}
				if kv.Value == nil {
					continue
				}
				if v, ok := f.value(*kv.Value, f.global); ok {
					f.global[kv.Key] = v
				}
			}
		}
	}
	return f.global
}

// settings fills the variables of a stage into each other, once.
func (f *File) settings(stage int) settings {
	if f.vars[stage] != nil {
		return f.vars[stage]
	}
	// Filled while it is read: an instruction sees those before it.
	vars := settings{}
	f.vars[stage] = vars
	for _, in := range f.In(stage) {
		if in.Trigger {
			continue
		}
		scope := scope{f, stage, in.Index}
		switch c := in.Command.(type) {
		case *instructions.EnvCommand:
			for _, kv := range c.Env {
				v, ok := f.value(kv.Value, scope)
				vars[kv.Key] = append(vars[kv.Key], setting{in.Index, v, ok, true})
			}
		case *instructions.ArgCommand:
			scope.before++ // the later of one ARG see the earlier
			for _, kv := range c.Args {
				x := setting{index: in.Index, set: true}
				if v, ok := f.build.Args[kv.Key]; ok {
					x.value, x.known = v, true
				} else if kv.Value != nil {
					x.value, x.known = f.value(*kv.Value, scope)
				} else {
					x.value, x.known = f.globals().Get(kv.Key)
					x.set = f.meta()[kv.Key]
				}
				vars[kv.Key] = append(vars[kv.Key], x)
			}
		}
	}
	return vars
}

// value is what a variable is worth. One beyond the bounds is worth nothing that
// is known.
func (f *File) value(word string, vars shell.EnvGetter) (string, bool) {
	v, known := f.expand(word, vars)
	if len(v) > maxValue {
		return "", false
	}
	return v, known
}

// BaseName is the image or stage that a stage is made from, with the defaults
// of ARGs filled in. known is false when a variable without a default is in
// it, and when it is a context, in which may be any image.
func (f *File) BaseName(s *Stage) (name string, known bool) {
	name, known = f.expand(s.BaseName, f.globals())
	return name, known && (s.Parent >= 0 || !f.Context(name))
}

// Expand fills the ARG defaults and ENV values in force at an instruction into
// a word. known is false when one of its variables has no known value.
func (f *File) Expand(in Instruction, word string) (value string, known bool) {
	if in.Stage < 0 {
		return f.expand(word, f.globals())
	}
	return f.expand(word, scope{f, in.Stage, in.Index})
}

// Variable is the value that ENV or the default of an ARG gives a variable at
// an instruction. declared is true for an ARG without a default, too.
func (f *File) Variable(in Instruction, name string) (value string, known, declared bool) {
	if in.Stage < 0 {
		value, known = f.globals().Get(name)
		return value, known, known
	}
	x, ok := scope{f, in.Stage, in.Index}.lookup(name)
	return x.value, x.known, ok
}

// expand reads a word as BuildKit does: quotes and escapes go, variables are
// filled in.
func (f *File) expand(word string, vars shell.EnvGetter) (string, bool) {
	if !strings.ContainsAny(word, "$\"'"+string(f.Escape)) {
		return word, true
	}
	if !f.expandable(word) {
		return word, false
	}
	lex := shell.NewLex(f.Escape)
	res, err := lex.ProcessWordWithMatches(word, vars)
	if err != nil {
		return word, false
	}
	f.grown(word, res.Result)
	for name := range res.Unmatched {
		if !defaulted(word, name) {
			return res.Result, false
		}
	}
	return res.Result, true
}

// defaulted reports whether a word says itself what stands for a variable
// without a value, wherever it names it: ${name:-word} and its kin.
func defaulted(word, name string) bool {
	for i := strings.Index(word, name); i >= 0; {
		rest := strings.TrimPrefix(word[i+len(name):], ":")
		if i < 2 || word[i-2:i] != "${" || rest == "" || rest[0] != '-' && rest[0] != '+' {
			return false
		}
		next := strings.Index(word[i+1:], name)
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return true
}
