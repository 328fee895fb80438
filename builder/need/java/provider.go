package java

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Claims implements need.Provider: the launcher, and libjvm.so in a program
// that is started.
func (r *Runtime) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program:
		return strings.HasPrefix(string(v.Head), "\x7fELF") && (IsProgram(v.Path) || IsProgram(v.Need.Path))
	case need.Library, need.Module:
		return path.Base(v.Path) == "libjvm.so"
	}
	return false
}

// Needs implements need.Provider.
func (r *Runtime) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	h, err := r.find(ctx, env.Tree, v.Path)
	if err != nil {
		return need.Found{}, err
	}
	if h == nil && v.Need.Kind != need.Program {
		return need.Found{}, nil
	}
	if h == nil {
		return need.Found{}, &image.UnsupportedError{Instruction: v.Need.Instruction, Why: fmt.Sprintf("no class library was found for the Java of %s", v.Need.Path)}
	}
	out := need.Found{Facts: []need.Fact{
		{Kind: need.Accounts, Reason: v.Path + " looks up the home of its user"},
		{Kind: need.Home, Reason: v.Path + " looks for the home of its user"},
		{Kind: need.Temp, Reason: v.Path + " keeps what it counts and temporary files in /tmp"},
		{Kind: need.SearchDir, Subject: h.lib, Reason: "Java looks for libraries there"},
		{Kind: need.SearchDir, Subject: h.server, Reason: "Java looks for libraries there"},
	}}
	if !localized(env) {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Variable, Subject: "LANG=C.UTF-8", Reason: "Java takes names of files, and before 18 text, for ASCII otherwise"})
		if err := locale(ctx, env.Tree, v.Path, &out); err != nil {
			return out, err
		}
	}
	for _, name := range []string{"/etc/timezone", "/etc/localtime"} { // it asks these for the zone, and its own file for what that is
		if _, ok, err := tree.FindFile(ctx, env.Tree, name); err != nil {
			return out, err
		} else if ok {
			out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: name, By: v.Path, Reason: "the time zone, for " + v.Path, Strength: need.Optional})
		}
	}
	return out, r.files(ctx, env, h, v.Path, &out)
}

// locale asks for the files of the locale that is set. The C library of GNU has
// it in files, under one of two names; musl needs none.
func locale(ctx context.Context, t tree.Tree, by string, out *need.Found) error {
	for _, dir := range []string{"/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"} {
		res, ok, err := tree.Find(ctx, t, dir)
		if err != nil {
			return err
		}
		if !ok || !res.Entry.IsDir() {
			continue
		}
		err = tree.Walk(ctx, t, res.Path, func(name string, e tree.Entry) error {
			if e.IsRegular() {
				out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: name, By: by, Reason: "locale C.UTF-8, for " + by, Strength: need.Expected, Entry: &e})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// localized reports whether a variable says which encoding names of files have.
func localized(env *need.Env) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v, _ := env.Getenv(name); v != "" {
			return true
		}
	}
	return false
}

// files asks for an installation, without what no program needs.
func (r *Runtime) files(ctx context.Context, env *need.Env, h *home, by string, out *need.Found) error {
	t := env.Tree
	left, err := r.prunable(ctx, env, h)
	if err != nil {
		return err
	}
	reason := "of the installation of Java in " + h.above
	add := func(kind need.Kind, name string, e *tree.Entry) {
		out.Needs = append(out.Needs, need.Need{Kind: kind, Path: name, By: by, Reason: reason, Strength: need.Expected, Entry: e})
	}
	roots := []string{h.dir}
	if h.above != h.dir {
		roots = []string{h.above}
	}
	for _, root := range roots {
		err := tree.Walk(ctx, t, root, func(name string, e tree.Entry) error {
			if left[name] != "" {
				if e.IsDir() {
					return tree.SkipDir
				}
				return nil
			}
			switch {
			case e.IsSymlink():
				res, ok, err := tree.Find(ctx, t, name)
				if err != nil {
					return err
				}
				switch {
				case !ok || left[res.Path] != "":
					if path.Base(name) == "cacerts" {
						out.Warnings = append(out.Warnings, image.NewWarning("", fmt.Sprintf("%s leads to %s, which is not in the built image, so that Java trusts no certificate", name, e.Linkname), "install ca-certificates-java"))
					}
				case res.Entry.IsDir():
					add(need.Link, name, nil)
				case strings.Contains(path.Base(res.Path), ".so"):
					add(need.Module, name, nil)
				default:
					add(need.Data, name, nil)
				}
			case !e.IsRegular():
			case path.Base(name) == "jspawnhelper" || path.Base(name) == "jexec":
				if e.Mode&0o111 == 0 {
					add(need.Data, name, &e)
					break
				}
				add(need.Program, name, &e)
			case strings.HasSuffix(name, ".so"):
				add(need.Module, name, &e)
			default:
				add(need.Data, name, &e)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading the installation in %s: %w", root, err)
		}
	}
	return nil
}

// tool gives the path of a tool of an installation that a class or script
// names, "" where it has none.
func (r *Runtime) tool(ctx context.Context, t tree.Tree, name string) (string, error) {
	for _, h := range r.installations() {
		at := path.Join(h.above, "bin", name)
		if _, ok, err := tree.FindFile(ctx, t, at); ok || err != nil {
			return at, err
		}
	}
	return "", nil
}

// installations lists those that were found, in the order of their paths.
func (r *Runtime) installations() []*home {
	var out []*home
	for _, h := range r.homes {
		if h != nil && !slices.ContainsFunc(out, func(o *home) bool { return o.dir == h.dir }) {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b *home) int { return strings.Compare(a.dir, b.dir) })
	return out
}
