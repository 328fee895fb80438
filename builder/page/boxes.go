package page

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A File is a file of a treemap, or a directory's worth of them.
type File struct {
	Group string // what it is put together with
	Path  string
	Bytes int64
	Files int    // how many it stands for, 0 for one file
	State string // what became of it: "", New, Gone, Changed
}

// What became of a file.
const (
	New     = "new"
	Gone    = "gone"
	Changed = "changed"
)

func (f File) count() int { return max(f.Files, 1) }

// A group is a share of the files: what stands together in a treemap.
type group struct {
	Name  string
	Bytes int64
	Files int
	boxes []File
}

// maxGroups is how many groups of a treemap are told apart.
const maxGroups = 24

// grouped puts files together in at most limit boxes: the largest groups, the
// largest files of each, and of the rest a box for a directory. No byte is lost.
// Groups and boxes come the largest first; files without bytes are counted and
// get no box.
func grouped(files []File, limit int) []group {
	names := groupNames(files, min(maxGroups, max(limit/10, 1)))
	at := map[string]int{}
	var out []group
	var shown []File
	for _, f := range files {
		f.Group = names[f.Group]
		i, ok := at[f.Group]
		if !ok {
			i = len(out)
			at[f.Group] = i
			out = append(out, group{Name: f.Group})
		}
		out[i].Bytes += f.Bytes
		out[i].Files += f.count()
		if f.Bytes > 0 {
			shown = append(shown, f)
		}
	}
	for _, f := range reduced(shown, limit) {
		g := &out[at[f.Group]]
		g.boxes = append(g.boxes, f)
	}
	slices.SortFunc(out, func(a, b group) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name)) })
	for _, g := range out {
		slices.SortFunc(g.boxes, larger)
	}
	return out
}

// larger puts the largest first.
func larger(a, b File) int {
	return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Group, b.Group), cmp.Compare(a.State, b.State))
}

// groupNames keeps the names of the largest groups and gives the others one.
func groupNames(files []File, limit int) map[string]string {
	sums := map[string]int64{}
	for _, f := range files {
		sums[f.Group] += f.Bytes
	}
	names := make([]string, 0, len(sums))
	for name := range sums {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a, b)) })
	out := map[string]string{}
	for i, name := range names {
		out[name] = name
		if i >= limit-1 && len(names) > limit {
			out[name] = fmt.Sprintf("%d others", len(names)-limit+1)
		}
	}
	return out
}

// reduced gives at most limit files: the largest as they are, the others summed
// by directory, as deep as fits.
func reduced(files []File, limit int) []File {
	if len(files) <= limit {
		return files
	}
	slices.SortFunc(files, larger)
	single, rest := files[:limit/2], files[limit/2:]
	deepest := 0
	for _, f := range rest {
		deepest = max(deepest, strings.Count(f.Path, "/"))
	}
	// The first depth that is too much; the one before fits. At depth 0 there is
	// a sum for each group and state.
	depth := sort.Search(deepest+1, func(d int) bool { return len(summed(rest, d)) > limit-limit/2 }) - 1
	return slices.Concat(single, summed(rest, max(depth, 0)))
}

// summed sums files by group, state and directory, cut to depth levels.
func summed(files []File, depth int) []File {
	type key struct{ group, state, dir string }
	at := map[key]int{}
	var out []File
	for _, f := range files {
		k := key{f.Group, f.State, above(f.Path, depth)}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, File{Group: f.Group, State: f.State, Path: k.dir})
		}
		out[i].Bytes += f.Bytes
		out[i].Files += f.count()
	}
	return out
}

// above is the directory of a path, cut to depth levels.
func above(name string, depth int) string {
	dir := name[:max(strings.LastIndexByte(name, '/'), 0)]
	end := 0
	for range depth {
		i := strings.IndexByte(dir[min(end+1, len(dir)):], '/')
		if i < 0 {
			return cmp.Or(dir, "/")
		}
		end += i + 1
	}
	if end == 0 {
		return "/"
	}
	return dir[:end]
}
