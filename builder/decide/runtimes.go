package decide

import (
	"context"
	"fmt"
	"maps"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/asbuilt"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/glibc"
	"github.com/whittle-oci/whittle/builder/need/java"
	"github.com/whittle-oci/whittle/builder/need/named"
	"github.com/whittle-oci/whittle/builder/need/node"
	"github.com/whittle-oci/whittle/builder/need/pam"
	"github.com/whittle-oci/whittle/builder/need/perl"
	"github.com/whittle-oci/whittle/builder/need/php"
	"github.com/whittle-oci/whittle/builder/need/privilege"
	"github.com/whittle-oci/whittle/builder/need/python"
	"github.com/whittle-oci/whittle/builder/need/ruby"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/need/terminfo"
	"github.com/whittle-oci/whittle/builder/need/wrapper"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/packages/apk"
	"github.com/whittle-oci/whittle/builder/packages/dpkg"
	"github.com/whittle-oci/whittle/builder/packages/rpm"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A runtime is what one folder below builder/need knows: how commands start,
// what files need, or both.
type runtime struct {
	launcher need.Launcher // nil when it launches nothing
	provider need.Provider // nil when no file is its own
}

// formats are the package databases that are known. A new one is a folder
// below builder/packages and a word here.
var formats = []packages.Format{dpkg.Format{}, apk.Format{}, rpm.Format{}}

// Packages opens the package database of a tree.
func Packages(t tree.Tree) *packages.DB { return packages.Open(t, formats...) }

// runtimes lists all that is known, in the order in which launchers are asked.
// files are what is read of ELF files by all of them.
// A new runtime is a folder and a line here.
//
// Without data, nothing is looked for beyond what is linked. Of a machine, whose
// programs are packed, what they name in their text is not looked for: who packs
// them says what else there is.
func runtimes(db *packages.DB, dist *distribution.Provider, files *elf.Files, data, machine bool) []runtime {
	sh := shell.New()
	js, py := node.New(files), python.New(files)
	ph, rb, pl, jvm := php.New(files), ruby.New(files), perl.New(files), java.New(files)
	out := []runtime{
		{launcher: wrapper.Launcher{}},
		{launcher: js, provider: js},
		{launcher: py, provider: py},
		{launcher: ph, provider: ph},
		{launcher: rb, provider: rb},
		{launcher: pl, provider: pl},
		{launcher: jvm, provider: jvm},
		{launcher: sh, provider: sh},
		{launcher: need.Lookup{}},
		{provider: asbuilt.New(files)},
		{provider: elf.New(files, interprets)},
		{provider: dist},
		{launcher: need.Execute{}},
	}
	if data && !machine {
		out = append(out, runtime{provider: named.New(db, files, dist.Asked, interprets)})
	}
	if data {
		out = append(out, runtime{provider: glibc.New(db, files)}, runtime{provider: pam.New(files)}, runtime{provider: terminfo.New(db, files)}, runtime{provider: privilege.New(db, files)})
	}
	return out
}

// interprets reports whether a file runs programs of a language that is known:
// what it could call and what its text names says nothing of what an image
// needs, which its launcher and provider read off those programs.
func interprets(name string) bool { return Language(name) != "" }

func launchers(all []runtime) []need.Launcher {
	var out []need.Launcher
	for _, r := range all {
		if r.launcher != nil {
			out = append(out, r.launcher)
		}
	}
	return out
}

func providers(all []runtime) []need.Provider {
	var out []need.Provider
	for _, r := range all {
		if r.provider != nil {
			out = append(out, r.provider)
		}
	}
	return out
}

// prunes asks the runtimes of what starts for what of them no program needs.
func prunes(ctx context.Context, env *need.Env, all []need.Provider, programs []string) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range all {
		pruner, ok := p.(need.Pruner)
		if !ok {
			continue
		}
		paths, err := pruner.Prunes(ctx, env, programs)
		if err != nil {
			return nil, fmt.Errorf("looking at a runtime: %w", err)
		}
		maps.Copy(out, paths)
	}
	return out, nil
}
