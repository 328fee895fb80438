package plan

import (
	"bytes"
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
	for i, pattern := range m.opts.Include {
		names := m.globbed[i]
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

// include carries the file or the whole directory that name leads to. Of the
// root that is everything but what a runtime mounts.
func (m *maker) include(ctx context.Context, name string) error {
	if name == "/" {
		return m.includeRoot(ctx)
	}
	reason := "include: " + name
	res, err := tree.Resolve(ctx, m.t, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) || err == nil && res.Path == "/" {
		return m.link(ctx, name, reason) // leads nowhere yet, or to what is not meant
	}
	if err == nil && special(res.Entry) {
		m.leaveSpecial(res.Path)
		return nil
	}
	if err == nil {
		_, _, err = m.carry(ctx, name, reason)
	}
	if err != nil {
		return fmt.Errorf("include: %w", err)
	}
	if !res.Entry.IsDir() {
		return m.includeFile(ctx, res.Path, reason, res.Entry)
	}
	m.walked[res.Path] = true
	return tree.Walk(ctx, m.t, res.Path, func(p string, e tree.Entry) error {
		if special(e) {
			m.leaveSpecial(p)
			return nil
		}
		if e.IsRegular() {
			if out, err := m.leaveSecret(ctx, p, e); out || err != nil {
				return err
			}
		}
		m.place(p, e, reason)
		if e.IsRegular() {
			return m.includeFile(ctx, p, reason, e)
		}
		return nil
	})
}

// special reports whether e is a device, socket or pipe: images do without
// them, since a container's runtime makes what a program may have of them.
func special(e tree.Entry) bool { return !e.IsDir() && !e.IsRegular() && !e.IsSymlink() }

// leaveSpecial leaves a device, socket or pipe out, and says so.
func (m *maker) leaveSpecial(name string) {
	l := Left{Path: name, Why: "is a device, socket or pipe"}
	if !slices.Contains(m.plan.Left, l) {
		m.plan.Left = append(m.plan.Left, l)
	}
	m.warn("", name+" was left out: it is a device, socket or pipe", "make it when the container starts")
}

func (m *maker) includeRoot(ctx context.Context) error {
	entries, err := m.t.ReadDir(ctx, "/")
	if err != nil {
		return fmt.Errorf("include: %w", err)
	}
	for _, e := range entries {
		child := path.Join("/", e.Name)
		switch {
		case slices.Contains(pseudo, child):
		case e.IsSymlink(): // what it leads to comes along by itself
			err = m.link(ctx, child, "include: /")
		default:
			err = m.include(ctx, child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leaveSecret leaves out a credential that include: names only with the
// directory it lies in, and reports whether the file is one.
func (m *maker) leaveSecret(ctx context.Context, name string, e tree.Entry) (bool, error) {
	if m.entries[name] != nil {
		return false, nil
	}
	why, err := m.secret(ctx, name, e)
	if why == "" || err != nil {
		return false, err
	}
	m.warnSecret(name, why)
	if !slices.ContainsFunc(m.plan.Left, func(l Left) bool { return l.Path == name }) {
		m.plan.Left = append(m.plan.Left, Left{Path: name, Files: 1, Bytes: e.Size, Why: why})
	}
	return true, nil
}

// includeFile brings what an included executable needs.
func (m *maker) includeFile(ctx context.Context, name, reason string, e tree.Entry) error {
	if e.Mode&0o111 == 0 {
		return (&keeper{maker: m}).support(ctx, name, e)
	}
	head, err := m.head(ctx, name)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(head, []byte("#!")) || bytes.HasPrefix(head, []byte("\x7fELF")) {
		return m.optionalProgram(ctx, executable{name: name, reason: reason})
	}
	return nil
}

// glob finds the paths of the tree that pattern matches.
func (m *maker) glob(ctx context.Context, pattern string) ([]string, error) {
	pattern = path.Clean("/" + pattern)
	if !strings.ContainsAny(pattern, "*?[{") {
		_, err := tree.Resolve(ctx, m.t, pattern)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
			return nil, nil
		}
		return []string{pattern}, err
	}
	if !doublestar.ValidatePattern(pattern) {
		return nil, &RefusedError{Message: "not a valid glob: " + pattern}
	}
	base, _ := doublestar.SplitPattern(pattern)
	res, err := tree.Resolve(ctx, m.t, base)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
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
		for _, name := range slices.Sorted(maps.Keys(m.entries)) {
			ok, _ := doublestar.Match(pattern, name)
			below, _ := doublestar.Match(strings.TrimSuffix(pattern, "/")+"/**", name)
			if !ok && !below {
				continue
			}
			m.excludes[pattern] = true
			e := m.entries[name]
			switch {
			case e.program || e.library:
				m.warn("", fmt.Sprintf("exclude: %s would take out %s, %s; it stays", pattern, name, e.Reason), "")
			case e.users:
				// The container starts in it or writes to it, whatever is in it.
			default:
				delete(m.entries, name)
				left := Left{Path: name, Why: "exclude: " + pattern}
				if e.Type == File {
					left.Files, left.Bytes = 1, e.Size
				}
				m.plan.Left = append(m.plan.Left, left)
			}
		}
	}
	m.occupied = map[string]bool{}
	for _, e := range m.entries {
		m.put(e)
	}
	return nil
}

// excludedLast takes out what came after the first time, the records of
// packages among it, and says what was not found.
func (m *maker) excludedLast(ctx context.Context) error {
	if err := m.excluded(ctx); err != nil {
		return err
	}
	for _, pattern := range m.opts.Exclude {
		if pattern = path.Clean("/" + pattern); !m.excludes[pattern] {
			m.warn("", fmt.Sprintf("exclude: %s matches nothing that would be carried", pattern), "take it out")
		}
	}
	return nil
}
