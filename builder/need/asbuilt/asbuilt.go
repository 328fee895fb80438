// Package asbuilt answers for the runtimes whose files are not known: what runs
// on one of them is shipped as it was built.
package asbuilt

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
)

// interpreters are the runtimes that are known to need more than their ELF
// closure, by the names of their programs without versions.
var interpreters = []string{
	"pypy", "deno", "bun", "jruby", "dotnet", "mono", "pwsh",
	"rscript", "r", "julia", "octave", "erl", "erlexec", "beam.smp", "elixir", "lua", "luajit", "tclsh", "wish", "expect", "guile", "racket", "swipl",
}

// libraries are the interpreters that a program can have inside. Their
// libraries read a standard library that no header names.
var libraries = []string{"libR.so", "libmonosgen", "libtcl8", "libguile"}

// Name gives the interpreter that a program name stands for, such as
// "python3.11", or "".
func Name(program string) string {
	base := strings.ToLower(path.Base(program))
	stem := strings.TrimRight(base, "0123456789.-")
	if slices.Contains(interpreters, base) || slices.Contains(interpreters, stem) {
		return base
	}
	return ""
}

// library names the interpreter that a library is, or "".
func library(name string) string {
	base := path.Base(name)
	if slices.ContainsFunc(libraries, func(l string) bool { return strings.HasPrefix(base, l) }) {
		return base
	}
	return ""
}

// A Provider refuses to know what unknown runtimes need.
type Provider struct{}

// Claims implements need.Provider: an interpreter by the name it is called by
// or its own, and an interpreter's library where an instruction starts who
// loads it.
func (Provider) Claims(v need.Visit) bool { return runtime(v) != "" }

// Asks implements need.Asker: a script or program is named, not its runtime.
func (Provider) Asks(need.Visit) bool { return true }

func runtime(v need.Visit) string {
	switch v.Need.Kind {
	case need.Program, need.Module:
		if strings.HasPrefix(string(v.Head), "#!") {
			return ""
		}
		if n := Name(v.Path); n != "" {
			return n
		}
		return Name(v.Need.Path)
	case need.Library:
		if v.Need.Instruction != "" {
			return library(v.Path)
		}
	}
	return ""
}

// Needs implements need.Provider.
func (Provider) Needs(_ context.Context, _ *need.Env, v need.Visit) (need.Found, error) {
	who := v.Need.Path
	if strings.HasPrefix(v.Need.By, "/") {
		who = v.Need.By
	}
	return need.Found{}, &image.UnsupportedError{Instruction: v.Need.Instruction, Program: who, Runtime: runtime(v)}
}
