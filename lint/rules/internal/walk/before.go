package walk

import (
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// Before gives, for every instruction, a state that the instructions before it
// leave behind: those of its stage and of the stages that this is made from.
// set makes the state after an instruction from the one before. Triggers of
// ONBUILD do not count.
func Before[T any](f *dockerfile.File, set func(in dockerfile.Instruction, old T) T) []T {
	out, last := make([]T, len(f.Instructions)), make([]T, len(f.Stages))
	for i := range f.Stages {
		var state T
		if p := f.Stages[i].Parent; p >= 0 {
			state = last[p]
		}
		for _, in := range f.In(i) {
			out[in.Index] = state
			if !in.Trigger {
				state = set(in, state)
			}
		}
		last[i] = state
	}
	return out
}

// A Setting is the value of an instruction such as USER.
type Setting struct {
	Value string
	Set   bool // an instruction says so
	Known bool // the value has no variable that nobody knows
}

// Users gives the USER in force at every instruction.
func Users(f *dockerfile.File) []Setting {
	return Before(f, func(in dockerfile.Instruction, old Setting) Setting {
		c, ok := in.Command.(*instructions.UserCommand)
		if !ok {
			return old
		}
		user, known := f.Expand(in, c.User)
		return Setting{user, true, known}
	})
}

type asRootKey struct{}

// AsRoot reports whether an instruction is known to run as root: USER says so,
// or none does and the base image is known for it.
func AsRoot(f *dockerfile.File, in dockerfile.Instruction) bool {
	return f.Derived(asRootKey{}, func() any {
		users, origins, out := Users(f), Origins(f), make([]bool, len(f.Instructions))
		for i, u := range users {
			name, _, _ := strings.Cut(u.Value, ":")
			out[i] = u.Known && (name == "root" || name == "0") || !u.Set && f.Instructions[i].Stage >= 0 && origins[f.Instructions[i].Stage].Root()
		}
		return out
	}).([]bool)[in.Index]
}

// Workdirs gives the WORKDIR in force at every instruction. One is known when it
// is absolute, or follows one that is.
func Workdirs(f *dockerfile.File) []Setting {
	return Before(f, func(in dockerfile.Instruction, old Setting) Setting {
		c, ok := in.Command.(*instructions.WorkdirCommand)
		if !ok {
			return old
		}
		dir, known := f.Expand(in, c.Path)
		if !path.IsAbs(dir) {
			dir, known = path.Join(old.Value, dir), known && old.Known
		}
		return Setting{path.Clean(dir), true, known}
	})
}
