package decide

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// include asks for the paths and globs that the user names.
func include(ctx context.Context, t tree.Tree, patterns []string, g *gate, out *kept) error {
	for _, pattern := range patterns {
		names, err := glob(ctx, t, pattern)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return &image.RefusedError{Message: fmt.Sprintf("include: %s matches nothing in the built image", pattern), Hint: "correct the path, or take it out"}
		}
		for _, name := range names {
			if err := includePath(ctx, t, name, g, out); err != nil {
				return fmt.Errorf("include: %w", err)
			}
		}
	}
	return nil
}

// includePath asks for the file or the whole directory that name leads to. Of
// the root that is everything but what a runtime mounts.
func includePath(ctx context.Context, t tree.Tree, name string, g *gate, out *kept) error {
	if name == "/" {
		entries, err := t.ReadDir(ctx, "/")
		if err != nil {
			return err
		}
		for _, e := range entries {
			child := path.Join("/", e.Name)
			switch {
			case slices.Contains(need.Mounted, child):
			case e.IsSymlink(): // what it leads to comes along by itself
				out.needs = append(out.needs, need.Need{Kind: need.Link, Path: child, By: "include:", Reason: "include: /"})
			default:
				if err := includePath(ctx, t, child, g, out); err != nil {
					return err
				}
			}
		}
		return nil
	}
	n := need.Need{Kind: need.Data, Path: name, By: "include:", Reason: "include: " + name}
	res, err := tree.Resolve(ctx, t, name)
	if need.Missing(err) || err == nil && res.Path == "/" {
		n.Kind = need.Link // leads nowhere yet, or to what is not meant
		out.needs = append(out.needs, n)
		return nil
	}
	if err != nil {
		return err
	}
	g.name(name, res)
	if special(res.Entry) {
		out.leaveSpecial(res.Path)
		return nil
	}
	out.needs = append(out.needs, n)
	if !res.Entry.IsDir() {
		includeProgram(n, res.Path, res.Entry, out)
		return nil
	}
	out.roots = append(out.roots, res.Path)
	return tree.Walk(ctx, t, res.Path, func(p string, e tree.Entry) error {
		if special(e) {
			out.leaveSpecial(p)
			return nil
		}
		n.Path, n.Entry = p, &e
		out.needs = append(out.needs, n)
		if e.IsSymlink() {
			return includeTarget(ctx, t, n, res.Path, g, out)
		}
		includeProgram(n, p, e, out)
		return nil
	})
}

// includeTarget asks for what a link in an included directory leads to, when it
// lies outside of that.
func includeTarget(ctx context.Context, t tree.Tree, n need.Need, dir string, g *gate, out *kept) error {
	res, err := tree.Resolve(ctx, t, n.Path)
	if need.Missing(err) {
		return nil
	}
	switch {
	case err != nil:
		return err
	case need.Below(res.Path, dir), special(res.Entry), slices.ContainsFunc(need.Mounted, func(m string) bool { return need.Below(res.Path, m) }):
		return nil
	case res.Entry.IsDir():
		if slices.ContainsFunc(out.roots, func(r string) bool { return need.Below(res.Path, r) }) || strings.Count(res.Path, "/") < 2 {
			return nil
		}
		return includePath(ctx, t, res.Path, g, out)
	}
	n.Entry = nil
	out.needs = append(out.needs, n)
	includeProgram(n, res.Path, res.Entry, out)
	return nil
}

// special reports whether e is a device, socket or pipe: images do without
// them, since a container's runtime makes what a program may have of them.
func special(e tree.Entry) bool { return !e.IsDir() && !e.IsRegular() && !e.IsSymlink() }

// leaveSpecial leaves a device, socket or pipe out, and says so.
func (k *kept) leaveSpecial(name string) {
	k.left = append(k.left, image.Left{Path: name, Why: "is a device, socket or pipe"})
	k.warnings = append(k.warnings, image.NewWarning("", name+" was left out: it is a device, socket or pipe", "make it when the container starts"))
}

// includeProgram asks for what an included executable needs, too.
func includeProgram(n need.Need, real string, e tree.Entry, out *kept) {
	if e.IsRegular() && e.Mode&0o111 != 0 {
		n.Kind, n.Path, n.Entry = need.Named, real, &e
		out.needs = append(out.needs, n)
	}
}

// glob finds the paths of the tree that pattern matches.
func glob(ctx context.Context, t tree.Tree, pattern string) ([]string, error) {
	pattern = path.Clean("/" + pattern)
	base, _ := doublestar.SplitPattern(pattern)
	if !doublestar.ValidatePattern(pattern) {
		return nil, &image.RefusedError{Message: "include: not a valid glob: " + pattern}
	}
	literal := !slices.ContainsFunc([]byte(pattern), func(b byte) bool { return b == '*' || b == '?' || b == '[' || b == '{' })
	if literal {
		base = pattern
	}
	res, err := tree.Resolve(ctx, t, base)
	if need.Missing(err) {
		return nil, nil
	}
	if literal || err != nil {
		return []string{pattern}, err
	}
	var out []string
	err = tree.Walk(ctx, t, res.Path, func(p string, e tree.Entry) error {
		if slices.Contains(need.Mounted, p) {
			return tree.SkipDir
		}
		if ok, _ := doublestar.Match(pattern, p); ok {
			out = append(out, p)
			if e.IsDir() {
				return tree.SkipDir
			}
		}
		return nil
	})
	return out, err
}
