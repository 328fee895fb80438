package decide

import (
	"fmt"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
)

// maxListed is how many files that changed in the same way are told apart.
const maxListed = 3

// differences reports every file whose mode or owner is not what the build
// gave it.
func differences(files *drafts) []image.Change {
	var order []image.Change // with the first part of the path as the name
	groups := map[image.Change][]string{}
	note := func(d *draft, kind, from, to, why string) {
		if from == to {
			return
		}
		top, _, _ := strings.Cut(d.Path[1:], "/")
		c := image.Change{Kind: kind, Name: top, From: from, To: to, Why: why}
		if _, ok := groups[c]; !ok {
			order = append(order, c)
		}
		groups[c] = append(groups[c], d.Path)
	}
	for _, d := range files.entries() {
		if d.Source == "" || d.Type == image.Symlink {
			continue
		}
		note(d, "mode", image.Octal(d.source.Mode), image.Octal(d.Mode), orElse(d.modeWhy, d.why))
		note(d, "owner", fmt.Sprintf("%d:%d", d.source.UID, d.source.GID), fmt.Sprintf("%d:%d", d.UID, d.GID), d.why)
	}
	var out []image.Change
	for _, c := range order {
		names := groups[c]
		if len(names) > maxListed {
			c.Name = fmt.Sprintf("%d files in %s", len(names), above(names))
			out = append(out, c)
			continue
		}
		for _, name := range names {
			c.Name = name
			out = append(out, c)
		}
	}
	return out
}

// above is the directory that all the paths, which are in order, lie in.
func above(names []string) string {
	dir := path.Dir(names[0])
	for last := names[len(names)-1]; dir != "/" && !strings.HasPrefix(last, dir+"/"); {
		dir = path.Dir(dir)
	}
	return dir
}
