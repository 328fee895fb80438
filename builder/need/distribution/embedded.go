package distribution

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// maxEmbedded bounds the files of an interpreter's library.
const maxEmbedded = 20_000

// embedded asks for the library of an interpreter that a module has inside it,
// where the final stage installs that module by name: Perl's for the web
// server's. Where it came with something else, a warning says what is left.
func (p *Provider) embedded(ctx context.Context, env *need.Env, s *need.Set, out *need.Found) error {
	for _, f := range s.Files() {
		base := path.Base(f.Path)
		version, perl := strings.CutPrefix(base, "libperl.so.")
		if !f.Library || !perl {
			continue
		}
		version = strings.Join(strings.SplitN(version, ".", 3)[:min(2, strings.Count(version, ".")+1)], ".")
		dirs, err := perlDirs(ctx, env, path.Dir(f.Path), version)
		if err != nil || len(dirs) == 0 {
			return err
		}
		by, err := p.asksFor(ctx, env, "libperl.so."+version)
		if err != nil {
			return err
		}
		if by == "" {
			if pkg, owned, err := p.db.Owner(ctx, path.Join(dirs[0], "strict.pm")); err != nil || owned {
				if err != nil {
					return err
				}
				out.Facts = append(out.Facts, need.Fact{Kind: need.LeftData, Subject: pkg.Name, Reason: base + " is in the image, as something links it, and its modules are not"})
			}
			continue
		}
		for _, dir := range dirs {
			// Perl looks for its version by two numbers, which is a link.
			name := path.Join(path.Dir(dir), version)
			if _, ok, err := tree.Find(ctx, env.Tree, name); err != nil {
				return err
			} else if ok && name != dir {
				out.Needs = append(out.Needs, need.Need{Kind: need.Link, Path: name, By: by, Reason: "modules of Perl, which " + by + " has inside", Strength: need.Optional})
			}
			n := 0
			err := tree.Walk(ctx, env.Tree, dir, func(at string, e tree.Entry) error {
				if n++; n > maxEmbedded || !e.IsRegular() && !e.IsSymlink() || slices.Contains([]string{".pod", ".h", ".a"}, path.Ext(at)) {
					return nil
				}
				out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: at, By: by, Reason: "module of Perl, which " + by + " has inside", Strength: need.Expected, Droppable: true})
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// asksFor gives the package installed by name that links a library, "" for none.
func (p *Provider) asksFor(ctx context.Context, env *need.Env, soname string) (string, error) {
	asked, err := p.Asked(ctx)
	if err != nil {
		return "", err
	}
	for _, pkg := range asked {
		if interpreter(pkg.Name) {
			continue
		}
		if yes, err := p.links(ctx, env, pkg, []string{soname}); yes || err != nil {
			return pkg.Name, err
		}
	}
	return "", nil
}

// perlDirs are the directories of Perl's own modules, as Debian has them
// (perl -V): those of the version, with the names that lead to them, and those of
// the base system.
func perlDirs(ctx context.Context, env *need.Env, lib, version string) ([]string, error) {
	var out []string
	for _, dir := range []string{"/usr/share/perl", path.Join(lib, "perl")} {
		res, ok, err := tree.Find(ctx, env.Tree, dir)
		if err != nil {
			return nil, err
		}
		if !ok || !res.Entry.IsDir() {
			continue
		}
		entries, err := env.Tree.ReadDir(ctx, res.Path)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.IsDir() && (e.Name == version || strings.HasPrefix(e.Name, version+".")) {
				out = append(out, path.Join(res.Path, e.Name))
			}
		}
	}
	base := path.Join(lib, "perl-base")
	if res, ok, err := tree.Find(ctx, env.Tree, base); err != nil || ok && res.Entry.IsDir() {
		out = append(out, base)
		return out, err
	}
	return out, nil
}
