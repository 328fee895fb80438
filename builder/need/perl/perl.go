// Package perl knows Perl: how its programs are started, the directories of
// modules that it reads, and what sources are seen to use.
//
// Where only the base of Perl is installed (Debian's perl-base), that is kept;
// where more is, all of it, since modules load others by computed names. Sources:
// perlrun, perlvar (@INC), perlfunc (system, exec, open), perlop; Debian's perl
// 5.36, docker-library's perl; read in 2026-11.
package perl

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/need/source"
)

// A Runtime launches programs of Perl and knows what they need. It keeps what it
// has read, and is for one tree and environment.
type Runtime struct {
	elf     *elf.Files
	found   map[string]*place // installations, by the real paths of their programs
	mains   map[string]main   // main files
	sources *source.Own
}

// A main is a file that a command line starts.
type main struct {
	instruction string
	unsure      bool // options add directories of modules
}

// New returns a runtime that reads ELF files through what others have read.
func New(files *elf.Files) *Runtime {
	return &Runtime{files, map[string]*place{}, map[string]main{}, source.NewOwn()}
}

// executable matches the names of Perl's programs, shared those of its library,
// incDir what a directory of @INC looks like.
var (
	executable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^perl(?:5(?:\.\d+){0,2}(?:-[a-z0-9_-]+)?)?$`) })
	shared     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^libperl\.so`) })
	incDir     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/[^\s:%'"]*perl[^\s:%'"]*$`) })
)

// IsProgram reports whether a path has the name of Perl.
func IsProgram(name string) bool { return executable().MatchString(path.Base(name)) }

// Interprets reports whether a file, by its name, runs programs of Perl.
func Interprets(name string) bool {
	return IsProgram(name) || shared().MatchString(path.Base(name)) || strings.Contains(name, "/auto/") && strings.Contains(name, "perl") && path.Ext(name) == ".so"
}

// Claims implements need.Provider: Perl by its names, as a program or a library.
func (r *Runtime) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program:
		return strings.HasPrefix(string(v.Head), "\x7fELF") && (IsProgram(v.Path) || IsProgram(v.Need.Path))
	case need.Library, need.Module:
		return shared().MatchString(path.Base(v.Path))
	}
	return false
}

// Needs implements need.Provider.
func (r *Runtime) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	if v.Need.Kind != need.Program && v.Need.Instruction == "" {
		return need.Found{}, nil // nothing that starts loads it, or Perl itself does
	}
	p, err := r.place(ctx, env, v.Path)
	if err != nil {
		return need.Found{}, err
	}
	if p == nil {
		return need.Found{}, &image.UnsupportedError{Instruction: v.Need.Instruction, Why: fmt.Sprintf("no modules were found for the Perl of %s", v.Need.Path)}
	}
	r.found[p.program] = p
	out := need.Found{Facts: []need.Fact{{Kind: need.Home, Reason: v.Path + " looks for the home of its user"}, {Kind: need.Temp, Reason: v.Path + " has modules that keep temporary files"}}}
	for _, dir := range p.inc {
		out.Facts = append(out.Facts, need.Fact{Kind: need.SearchDir, Subject: dir, Reason: "Perl looks for modules there"})
		files, err := installation.Files(ctx, env.Tree, dir, p.program, "modules of "+p.program, func(rel string) bool { return table.Why(rel) != "" })
		if err != nil {
			return out, fmt.Errorf("reading the modules of %s: %w", p.program, err)
		}
		out.Needs = append(out.Needs, files...)
	}
	return out, nil
}
