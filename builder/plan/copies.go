package plan

import (
	"maps"
	"path"
	"slices"
	"sort"
	"strings"
)

const (
	minTree    = 4   // fewer files than this are copied one by one
	maxExclude = 200 // patterns are matched against every file
)

// copies turns the walked trees into whole copies where most of a tree goes
// along as it is.
func (m *maker) copies() []TreeCopy {
	var out []TreeCopy
	for _, root := range slices.Sorted(maps.Keys(m.walked)) {
		out = append(out, m.copiesOf(root, m.walked[root])...)
	}
	return out
}

// copiesOf finds the whole copies of one walked directory: itself, or where too
// much of it stays behind, those of the directories in it.
func (m *maker) copiesOf(root string, w *walked) []TreeCopy {
	t := m.whole(root, w)
	if len(t.Members) < minTree {
		return nil
	}
	if len(t.Exclude) <= maxExclude {
		return []TreeCopy{t}
	}
	var out []TreeCopy
	for _, dir := range w.dirs {
		if path.Dir(dir) == root {
			out = append(out, m.copiesOf(dir, w.below(dir))...)
		}
	}
	return out
}

// below gives the part of a walk that lies in a directory.
func (w *walked) below(dir string) *walked {
	in := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, dir+"/") })
	}
	return &walked{seen: in(w.seen), dirs: in(w.dirs), skipped: in(w.skipped)}
}

// whole gives the copy of a whole walked directory, whatever has to be left out
// of it. Files of another owner than the first are among that.
func (m *maker) whole(root string, w *walked) TreeCopy {
	t := TreeCopy{Root: root, Members: map[string]bool{}}
	first := true
	gone := map[string]bool{}
	exclude := func(name string) {
		for dir := path.Dir(name); dir != root; dir = path.Dir(dir) {
			if gone[dir] {
				return // its directory is left out
			}
		}
		gone[name] = true
		t.Exclude = append(t.Exclude, strings.TrimPrefix(name, root+"/"))
	}
	for _, name := range w.skipped {
		exclude(name)
	}
	for _, name := range w.dirs {
		if _, ok := m.entries[name]; !ok {
			exclude(name)
		}
	}
	for _, name := range w.seen {
		e, ok := m.entries[name]
		whole := ok && e.Source == name && (e.Mode == e.sourceMode || e.Type == Symlink)
		if whole && first {
			t.UID, t.GID, first = e.UID, e.GID, false
		}
		if !whole || e.UID != t.UID || e.GID != t.GID {
			exclude(name)
			continue
		}
		t.Members[name] = true
	}
	sort.Strings(t.Exclude)
	return t
}
