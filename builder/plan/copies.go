package plan

import (
	"maps"
	"slices"
	"sort"
	"strings"
)

// copies turns the walked trees into whole copies where most of a tree goes
// along as it is.
func (m *maker) copies() []TreeCopy {
	var out []TreeCopy
	for _, root := range slices.Sorted(maps.Keys(m.walked)) {
		w := m.walked[root]
		t := TreeCopy{Root: root, Members: map[string]bool{}}
		first := true
		for _, name := range w.seen {
			e, ok := m.entries[name]
			rel := strings.TrimPrefix(name, strings.TrimSuffix(root, "/")+"/")
			whole := ok && e.Source == name && (e.Mode == e.sourceMode || e.Type == Symlink)
			if whole && first {
				t.UID, t.GID, first = e.UID, e.GID, false
			}
			if !whole || e.UID != t.UID || e.GID != t.GID {
				if !covered(t.Exclude, rel) {
					t.Exclude = append(t.Exclude, rel)
				}
				continue
			}
			t.Members[name] = true
		}
		for _, name := range w.dirs {
			rel := strings.TrimPrefix(name, strings.TrimSuffix(root, "/")+"/")
			if _, ok := m.entries[name]; !ok && !covered(t.Exclude, rel) {
				t.Exclude = append(t.Exclude, rel)
			}
		}
		for _, name := range w.skipped {
			t.Exclude = append(t.Exclude, strings.TrimPrefix(name, strings.TrimSuffix(root, "/")+"/"))
		}
		sort.Strings(t.Exclude)
		if len(t.Members) >= minTree && len(t.Exclude) <= maxExclude {
			out = append(out, t)
		}
	}
	return out
}

const (
	minTree    = 4   // fewer files than this are copied one by one
	maxExclude = 200 // patterns are matched against every file
)

// covered reports whether rel lies below one of the excluded paths.
func covered(exclude []string, rel string) bool {
	return slices.ContainsFunc(exclude, func(x string) bool { return strings.HasPrefix(rel, x+"/") })
}
