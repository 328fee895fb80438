package perl

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A place is one Perl with the directories in which it looks for modules.
type place struct {
	program string
	prefix  string
	inc     []string
}

// library finds the library that a program of Perl links, "" where it has all in
// itself or is no program that can be read.
func (r *Runtime) library(ctx context.Context, env *need.Env, program string) (string, error) {
	unreadable := func(err error) bool {
		return errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) || need.Missing(err)
	}
	info, err := r.elf.Info(ctx, env.Tree, program)
	if unreadable(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	finder, err := elf.NewFinder(ctx, env.Tree, program, elf.Options{LibraryPath: env.LibraryPath(), Files: r.elf})
	if unreadable(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, n := range info.Needed {
		if !shared().MatchString(n) {
			continue
		}
		at, err := finder.Find(n)
		if err != nil || at == "" {
			return "", err
		}
		res, _, err := tree.FindFile(ctx, env.Tree, at)
		return res.Path, err
	}
	return "", nil
}

// place finds the directories of a Perl: they are compiled into it or into its
// library. It is nil where it has none.
func (r *Runtime) place(ctx context.Context, env *need.Env, program string) (*place, error) {
	res, err := tree.Resolve(ctx, env.Tree, program)
	if err == nil {
		program = res.Path
	} else if !need.Missing(err) {
		return nil, err
	}
	if p := r.found[program]; p != nil {
		return p, nil
	}
	p := &place{program: program, prefix: path.Dir(path.Dir(program))}
	if shared().MatchString(path.Base(program)) && strings.HasPrefix(program, "/usr/lib/") {
		p.prefix = "/usr"
	}
	texts := []string{program}
	library, err := r.library(ctx, env, program)
	if err != nil {
		return nil, err
	}
	if library != "" {
		texts = append(texts, library)
	}
	for _, name := range texts {
		text, err := r.elf.Text(ctx, env.Tree, name)
		if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) || need.Missing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, s := range text.Strings {
			if len(s) > 256 || !incDir().MatchString(s) {
				continue
			}
			if err := p.add(ctx, env.Tree, s); err != nil {
				return nil, err
			}
		}
	}
	if len(p.inc) == 0 {
		for _, pattern := range []string{"lib/perl5/*", "lib/perl5/site_perl/*", "share/perl5", "share/perl/*", "lib/*/perl-base", "lib/*/perl/*", "lib/*/perl5/*", "share/perl5/vendor_perl", "lib/perl5/vendor_perl", "lib/perl5/core_perl", "share/perl5/core_perl"} {
			names, err := installation.Glob(ctx, env.Tree, p.prefix, pattern)
			if err != nil {
				return nil, err
			}
			for _, n := range names {
				if err := p.add(ctx, env.Tree, n); err != nil {
					return nil, err
				}
			}
		}
	}
	slices.Sort(p.inc)
	if len(p.inc) == 0 {
		return nil, nil
	}
	return p, nil
}

// add adds a directory that is there.
func (p *place) add(ctx context.Context, t tree.Tree, name string) error {
	res, ok, err := tree.Find(ctx, t, name)
	if err == nil && ok && res.Entry.IsDir() && !slices.Contains(p.inc, name) && strings.Count(name, "/") > 1 {
		p.inc = append(p.inc, name)
	}
	return err
}
