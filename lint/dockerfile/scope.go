package dockerfile

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// variables is an environment for BuildKit's expansion.
type variables map[string]string

// Get implements shell.EnvGetter.
func (v variables) Get(name string) (string, bool) {
	x, ok := v[name]
	return x, ok
}

// Keys implements shell.EnvGetter.
func (v variables) Keys() []string {
	out := make([]string, 0, len(v))
	for k := range v {
		out = append(out, k)
	}
	return out
}

// BaseName is the image or stage that a stage is made from, with the defaults
// of ARGs filled in. known is false when a variable without a default is in
// it.
func (f *File) BaseName(s *Stage) (name string, known bool) {
	vars := variables{}
	for _, a := range f.MetaArgs {
		for _, kv := range a.Args {
			if kv.Value != nil {
				if v, ok := f.expand(*kv.Value, vars); ok {
					vars[kv.Key] = v
				}
			}
		}
	}
	return f.expand(s.BaseName, vars)
}

// Expand fills the ARG defaults and ENV values in force at an instruction into
// a word. known is false when one of its variables has no known value.
func (f *File) Expand(in Instruction, word string) (value string, known bool) {
	return f.expand(word, f.scope(in.Stage, in.Index))
}

// scope collects variables of a stage up to an instruction, beginning with
// what the stage it is made from leaves behind.
func (f *File) scope(stage, before int) variables {
	vars := variables{}
	if stage < 0 || stage >= len(f.Stages) {
		return vars
	}
	if p := f.Stages[stage].Parent; p >= 0 {
		for k, v := range f.scope(p, len(f.Instructions)) {
			vars[k] = v
		}
	}
	for _, in := range f.Instructions {
		if in.Stage != stage || in.Index >= before {
			continue
		}
		switch c := in.Command.(type) {
		case *instructions.EnvCommand:
			for _, kv := range c.Env {
				if v, ok := f.expand(kv.Value, vars); ok {
					vars[kv.Key] = v
				} else {
					delete(vars, kv.Key)
				}
			}
		case *instructions.ArgCommand:
			for _, kv := range c.Args {
				if kv.Value != nil {
					if v, ok := f.expand(*kv.Value, vars); ok {
						vars[kv.Key] = v
					}
				}
			}
		}
	}
	return vars
}

func (f *File) expand(word string, vars variables) (string, bool) {
	if !strings.ContainsRune(word, '$') {
		return word, true
	}
	lex := shell.NewLex(f.Escape)
	res, err := lex.ProcessWordWithMatches(word, vars)
	if err != nil {
		return word, false
	}
	return res.Result, len(res.Unmatched) == 0
}
