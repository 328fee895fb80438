package plan

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// maxListed is how many files that changed in the same way are told apart.
const maxListed = 3

// differences reports every file whose mode or owner is not what the build
// gave it.
func (m *maker) differences(context.Context) error {
	var order []Change // with the first part of the path as the name
	groups := map[Change][]string{}
	note := func(e *Entry, kind, from, to, why string) {
		if from == to {
			return
		}
		top, _, _ := strings.Cut(e.Path[1:], "/")
		c := Change{kind, top, from, to, why}
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
		note(e, "mode", octal(e.sourceMode), octal(e.Mode), orDefault(e.modeWhy, e.why))
		note(e, "owner", fmt.Sprintf("%d:%d", e.sourceUID, e.sourceGID), fmt.Sprintf("%d:%d", e.UID, e.GID), e.why)
	}
	for _, c := range order {
		if names := groups[c]; len(names) > maxListed {
			m.change(c.Kind, fmt.Sprintf("%d files in %s", len(names), above(names)), c.From, c.To, c.Why)
			continue
		}
		for _, name := range groups[c] {
			m.change(c.Kind, name, c.From, c.To, c.Why)
		}
	}
	return nil
}

// above is the directory that all the paths, which are in order, lie in.
func above(names []string) string {
	dir := path.Dir(names[0])
	for last := names[len(names)-1]; dir != "/" && !strings.HasPrefix(last, dir+"/"); {
		dir = path.Dir(dir)
	}
	return dir
}
