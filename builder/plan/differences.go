package plan

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
)

// maxListed is how many files of one directory that changed in the same way
// are told apart.
const maxListed = 3

// differences reports every file whose mode or owner is not what the build
// gave it.
func (m *maker) differences(context.Context) error {
	var order []Change // with the directory as its name
	groups := map[Change][]string{}
	note := func(e *Entry, kind, from, to string) {
		if from == to {
			return
		}
		c := Change{kind, path.Dir(e.Path), from, to, e.why}
		if _, ok := groups[c]; !ok {
			order = append(order, c)
		}
		groups[c] = append(groups[c], e.Path)
	}
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[name]
		if e.Source == "" || e.Type == Symlink {
			continue
		}
		note(e, "mode", octal(e.sourceMode), octal(e.Mode))
		note(e, "owner", fmt.Sprintf("%d:%d", e.sourceUID, e.sourceGID), fmt.Sprintf("%d:%d", e.UID, e.GID))
	}
	for _, c := range order {
		if names := groups[c]; len(names) > maxListed {
			m.change(c.Kind, fmt.Sprintf("%d files in %s", len(names), c.Name), c.From, c.To, c.Why)
			continue
		}
		for _, name := range groups[c] {
			m.change(c.Kind, name, c.From, c.To, c.Why)
		}
	}
	return nil
}
