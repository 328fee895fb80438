package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/whittle-oci/whittle/builder/tree"
)

// included carries the paths and globs that the user asks for.
func (m *maker) included(ctx context.Context) error {
	for _, pattern := range m.opts.Include {
		names, err := m.glob(ctx, pattern)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return &RefusedError{Message: fmt.Sprintf("include: %s matches nothing in the built image", pattern), Hint: "correct the path, or take it out"}
		}
		for _, name := range names {
			if err := m.include(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// include carries the file or the whole directory that name leads to.
func (m *maker) include(ctx context.Context, name string) error {
	res, _, err := m.carry(ctx, name, "include: "+name)
	if err != nil {
		return fmt.Errorf("include: %w", err)
	}
	if !res.Entry.IsDir() {
		return m.includeFile(ctx, res.Path, res.Entry)
	}
	w := m.walked[res.Path]
	if w == nil {
		w = &walked{}
		m.walked[res.Path] = w
	}
	return tree.Walk(ctx, m.t, res.Path, func(p string, e tree.Entry) error {
		if !e.IsDir() && !e.IsRegular() && !e.IsSymlink() {
			return nil
		}
		if e.IsDir() {
			w.dirs = append(w.dirs, p)
		} else if !slices.Contains(w.seen, p) {
			w.seen = append(w.seen, p)
		}
		m.place(p, e, "include: "+name)
		if e.IsRegular() {
			return m.includeFile(ctx, p, e)
		}
		return nil
	})
}

// includeFile brings the libraries of an included executable, and refuses a
// secret that only root could read: the image's user could not use it, and
// opening it to everyone is not ours to decide.
func (m *maker) includeFile(ctx context.Context, name string, e tree.Entry) error {
	if e.Mode&0o044 == 0 && keyName(path.Base(name)) && e.Size < 1<<20 {
		why, err := m.privateKey(ctx, name)
		if err != nil {
			return err
		}
		if why != "" {
			return &RefusedError{Instruction: "COPY", Message: fmt.Sprintf("%s %s with mode %s, which the image's user could not read", name, why, octal(e.Mode)), Hint: "mount it as a secret at run time"}
		}
	}
	k := &keeper{maker: m}
	return k.support(ctx, name, e)
}

// glob finds the paths of the tree that pattern matches.
func (m *maker) glob(ctx context.Context, pattern string) ([]string, error) {
	pattern = path.Clean("/" + pattern)
	if !strings.ContainsAny(pattern, "*?[{") {
		_, err := tree.Resolve(ctx, m.t, pattern)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return []string{pattern}, err
	}
	if !doublestar.ValidatePattern(pattern) {
		return nil, &RefusedError{Message: "not a valid glob: " + pattern}
	}
	base, _ := doublestar.SplitPattern(pattern)
	res, err := tree.Resolve(ctx, m.t, base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	err = tree.Walk(ctx, m.t, res.Path, func(p string, e tree.Entry) error {
		if slices.Contains(pseudo, p) {
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

// excluded takes out what the user does not want. Programs cannot be taken
// out: the image would not run.
func (m *maker) excluded(context.Context) error {
	for _, pattern := range m.opts.Exclude {
		pattern = path.Clean("/" + pattern)
		if !doublestar.ValidatePattern(pattern) {
			return &RefusedError{Message: "exclude: not a valid glob: " + pattern}
		}
		found := false
		for _, name := range slices.Sorted(maps.Keys(m.entries)) {
			ok, _ := doublestar.Match(pattern, name)
			below, _ := doublestar.Match(strings.TrimSuffix(pattern, "/")+"/**", name)
			if !ok && !below {
				continue
			}
			found = true
			e := m.entries[name]
			if e.program || e.library {
				m.warn("", fmt.Sprintf("exclude: %s would take out %s, %s; it stays", pattern, name, e.Reason), "")
				continue
			}
			delete(m.entries, name)
			m.plan.Left = append(m.plan.Left, Left{Path: name, Files: 1, Bytes: e.Size, Why: "exclude: " + pattern})
		}
		if !found {
			m.warn("", fmt.Sprintf("exclude: %s matches nothing that would be carried", pattern), "take it out")
		}
	}
	return nil
}
