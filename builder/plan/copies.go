package plan

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/whittle-oci/whittle/builder/tree"
)

const (
	minTree    = 4   // fewer files than this are copied one by one
	maxExclude = 200 // patterns are matched against every file
)

// copies turns walked directories into whole copies where most of a directory
// goes along as it is.
func (m *maker) copies(ctx context.Context) error {
	for _, root := range slices.Sorted(maps.Keys(m.walked)) {
		found, err := m.copiesOf(ctx, root)
		if err != nil {
			return fmt.Errorf("reading %s: %w", root, err)
		}
		m.plan.Trees = append(m.plan.Trees, found...)
	}
	return nil
}

// copiesOf finds the whole copies of one directory: itself, or where too much
// of it stays behind, those of the directories in it.
func (m *maker) copiesOf(ctx context.Context, root string) ([]TreeCopy, error) {
	t := TreeCopy{Root: root, Members: map[string]bool{}}
	if err := m.whole(ctx, root, &t); err != nil || len(t.Members) < minTree {
		return nil, err
	}
	if len(t.Exclude) <= maxExclude {
		sort.Strings(t.Exclude)
		return []TreeCopy{t}, nil
	}
	children, err := m.t.ReadDir(ctx, root)
	if err != nil {
		return nil, err
	}
	var out []TreeCopy
	for _, e := range children {
		name := path.Join(root, e.Name)
		if !e.IsDir() || !m.holds(name) {
			continue
		}
		found, err := m.copiesOf(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// whole divides what the tree has below dir, a directory of the copy t, into
// members and what has to be left out, so that nothing is copied that is in
// neither: devices, pipes and sockets too, which no entry stands for. Files of
// another owner than the first are left out. Directories are neither, since
// sinks make them of the entries, but for those of which nothing is carried.
func (m *maker) whole(ctx context.Context, dir string, t *TreeCopy) error {
	children, err := m.t.ReadDir(ctx, dir)
	if err != nil {
		return err
	}
	for _, c := range children {
		name := path.Join(dir, c.Name)
		switch {
		case c.IsDir() && m.holds(name):
			if err := m.whole(ctx, name, t); err != nil {
				return err
			}
		case c.IsDir() && m.isEmpty(ctx, name):
		case !c.IsDir() && m.joins(name, c, t):
			t.Members[name] = true
		default:
			t.Exclude = append(t.Exclude, strings.TrimPrefix(name, t.Root+"/"))
		}
	}
	return nil
}

// isEmpty reports whether a directory is carried and has nothing in it.
func (m *maker) isEmpty(ctx context.Context, name string) bool {
	if m.entries[name] == nil {
		return false
	}
	children, err := m.t.ReadDir(ctx, name)
	return err == nil && len(children) == 0 // what cannot be listed is left out
}

// joins reports whether the file at name is carried just as a whole copy gives
// it. The first file that joins a copy decides whose its files are.
func (m *maker) joins(name string, c tree.Entry, t *TreeCopy) bool {
	e, ok := m.entries[name]
	if !ok || e.Source != name || !c.IsRegular() && !c.IsSymlink() || e.Type != Symlink && e.Mode != e.sourceMode {
		return false
	}
	if len(t.Members) == 0 {
		t.UID, t.GID = e.UID, e.GID
	}
	return e.UID == t.UID && e.GID == t.GID
}
