// Package asbuilt answers for the runtimes whose files are not known: what runs
// on one of them is shipped as it was built.
package asbuilt

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Name gives the interpreter that a program name stands for, such as
// "python3.11", or "".
func Name(program string) string {
	if n, _, ok := lookUp(program); ok {
		return n
	}
	return ""
}

// lookUp gives the name of a program without its directory, and the runtime
// that it is of.
func lookUp(program string) (string, runtime, bool) {
	base := strings.ToLower(path.Base(program))
	stem := strings.TrimRight(base, "0123456789.-")
	for _, r := range runtimes() {
		if slices.Contains(r.programs, base) || slices.Contains(r.programs, stem) {
			return base, r, true
		}
	}
	return "", runtime{}, false
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
type Provider struct {
	files *elf.Files
}

// New returns a provider that reads programs through what others have read, to
// tell those that are hosts of .NET. The zero Provider reads none.
func New(files *elf.Files) Provider { return Provider{files} }

// Claims implements need.Provider: an interpreter by the name it is called by
// or its own, be it a program or the script that starts one; an interpreter's
// library where an instruction starts who loads it; scripts that may be those
// of a release of Erlang; and programs that may be hosts of .NET.
func (p Provider) Claims(v need.Visit) bool {
	return called(v) != "" || mayRelease(v) || p.mayHost(v)
}

// Asks implements need.Asker: a script or program is named, not its runtime.
func (Provider) Asks(v need.Visit) bool { return called(v) != "" }

// called names the runtime of a file by what it is called.
func called(v need.Visit) string {
	switch v.Need.Kind {
	case need.Program, need.Module:
		if v.Need.Kind == need.Module && scripted(v) {
			return "" // it is kept, and no file is known to start it
		}
		for _, name := range []string{v.Path, v.Need.Path} {
			if n, r, ok := lookUp(name); ok && (!r.tool || commanded(v)) {
				return n
			}
		}
	case need.Library:
		if v.Need.Instruction != "" {
			return library(v.Path)
		}
	}
	return ""
}

// commanded reports whether an instruction or a shell script starts a program.
// That a program of another language could do so, or that it is kept, says
// little of a tool for development.
func commanded(v need.Visit) bool {
	if v.Need.Kind != need.Program || v.Need.Strength < need.Expected {
		return false
	}
	return !path.IsAbs(v.Need.By) || slices.Contains([]string{"", ".sh", ".bash"}, path.Ext(v.Need.By))
}

func scripted(v need.Visit) bool { return strings.HasPrefix(string(v.Head), "#!") }

func mayRelease(v need.Visit) bool {
	return v.Need.Kind == need.Program && scripted(v) && path.Base(path.Dir(v.Path)) == "bin"
}

func (p Provider) mayHost(v need.Visit) bool {
	return p.files != nil && v.Need.Kind == need.Program && strings.HasPrefix(string(v.Head), "\x7fELF")
}

// Needs implements need.Provider.
func (p Provider) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	unknown := &image.UnsupportedError{Instruction: v.Need.Instruction, Program: v.Need.Path, Runtime: called(v)}
	if strings.HasPrefix(v.Need.By, "/") {
		unknown.Program = v.Need.By
	}
	if unknown.Runtime != "" {
		return need.Found{}, unknown
	}
	unknown.Program = v.Path
	if mayRelease(v) {
		is, err := release(ctx, env, v.Path)
		if err != nil || !is {
			return need.Found{}, err
		}
		unknown.Runtime = "erlang"
		return need.Found{}, unknown
	}
	info, err := p.files.Info(ctx, env.Tree, v.Path)
	if errors.Is(err, elf.ErrBroken) || errors.Is(err, elf.ErrNotELF) {
		return need.Found{}, nil // who knows the format says so
	}
	if err != nil || !info.Host {
		return need.Found{}, err
	}
	unknown.Runtime = "dotnet"
	return need.Found{}, unknown
}

// release reports whether a script starts a release of Erlang: beside its
// directory lie those of the releases, which have a file that says which of them
// is started (OTP design principles, releases; Mix and relx write it alike), or
// the runtime with its version.
func release(ctx context.Context, env *need.Env, script string) (bool, error) {
	root := path.Dir(path.Dir(script))
	for _, name := range []string{"releases/start_erl.data", "releases/RELEASES"} {
		if _, ok, err := tree.FindFile(ctx, env.Tree, path.Join(root, name)); ok || err != nil {
			return ok, err
		}
	}
	entries, err := env.Tree.ReadDir(ctx, root)
	return slices.ContainsFunc(entries, func(e tree.Entry) bool { return e.IsDir() && strings.HasPrefix(e.Name, "erts-") }), err
}
