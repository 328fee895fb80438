package decide

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"math/bits"
	"slices"
	"strings"

	modes "github.com/tonistiigi/dchapes-mode"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

const (
	minSubtree  = 4   // fewer files than this are copied one by one
	maxExclude  = 200 // patterns are matched against every file
	maxPatterns = 4   // for each file that a copy takes
	maxPasses   = 8   // copies of one directory, each of an owner and a mode of its own
	maxDepth    = 32  // directories in directories that are divided further
)

// symbolic are the changes of mode that whole directories go through, in the
// language of chmod(1): what own does to data that is root's, to what is the
// user's, and to what only its owner may use.
var symbolic = []string{"", "a+rX", "a+rX,g-w", "u+rX,g=u", "u+rwX,g=u", "a+rX,g-w,u-s,g-s", "u+rX,g=u,u-s,g-s", "u+rwX,g=u,u-s,g-s"}

// subtrees finds the directories below roots that can be copied as a whole,
// several times where files differ in owner or in what becomes of their mode.
func subtrees(ctx context.Context, t tree.Tree, roots []string, files *drafts) ([]image.Subtree, error) {
	d := &divider{tree: t, files: files, occupied: files.occupied(), fitting: map[[2]fs.FileMode]uint{}, last: map[*draft]int{}}
	for _, s := range symbolic {
		set := modes.Set{}
		if s != "" {
			var err error
			if set, err = modes.ParseWithUmask(s, 0); err != nil {
				return nil, fmt.Errorf("the mode %s: %w", s, err)
			}
		}
		d.sets = append(d.sets, set)
	}
	for _, root := range slices.Compact(slices.Sorted(slices.Values(roots))) {
		if err := d.list(ctx, root); err != nil {
			return nil, fmt.Errorf("reading %s: %w", root, err)
		}
		d.divide(root, 0, len(d.all), 0)
	}
	d.directories()
	return d.out, nil
}

// divider divides directories into copies.
type divider struct {
	tree     tree.Tree
	files    *drafts
	occupied map[string]bool
	sets     []modes.Set             // of symbolic
	fitting  map[[2]fs.FileMode]uint // which of them make the second mode of the first, a bit each
	all      []listed                // what the root that is divided has
	out      []image.Subtree
	last     map[*draft]int // the place in out, from 1, of the last copy that touches a directory
}

// class is what one copy does to all of its files.
type class struct{ uid, gid, mode int }

func (c class) before(o class) bool {
	return cmp.Or(cmp.Compare(c.mode, o.mode), cmp.Compare(c.uid, o.uid), cmp.Compare(c.gid, o.gid)) < 0
}

// listed is a path below the root that is divided.
type listed struct {
	path   string
	draft  *draft // nil for what stays behind, of a directory with all that is in it
	fits   uint   // the changes of mode that make it what it is in the image, a bit each
	parent int    // the place of its directory in the list, -1 for the root
	end    int    // the place after the last path below a directory, 0 for what is none
	empty  bool   // a directory that has nothing in it
}

// list lists what the tree has below root, parents first, so that nothing is
// copied of which nobody knows: devices, pipes and sockets too.
func (d *divider) list(ctx context.Context, root string) error {
	d.all = nil
	var above []int // the directories that the path lies in
	leave := func(next string) {
		for n := len(above) - 1; n >= 0 && !strings.HasPrefix(next, d.all[above[n]].path+"/"); n-- {
			d.all[above[n]].end = len(d.all)
			above = above[:n]
		}
	}
	err := tree.Walk(ctx, d.tree, root, func(name string, e tree.Entry) error {
		if name == root {
			return nil
		}
		leave(name)
		l := listed{path: name, draft: d.files.find(name), parent: -1}
		if len(above) > 0 {
			l.parent = above[len(above)-1]
		}
		if e.IsDir() {
			l.end = len(d.all) + 1
			if l.draft != nil && !d.occupied[name] {
				children, err := d.tree.ReadDir(ctx, name)
				l.empty = true
				if err != nil || len(children) > 0 {
					l.draft = nil // nothing in it is carried, or it cannot be listed
				}
			}
			if l.draft == nil {
				d.all = append(d.all, l)
				return tree.SkipDir
			}
			above = append(above, len(d.all))
		}
		if l.draft != nil {
			l.fits = d.fit(l.draft, e)
		}
		d.all = append(d.all, l)
		return nil
	})
	leave("")
	return err
}

// fit says which changes of mode make a file of the tree what it is in the
// image.
func (d *divider) fit(x *draft, e tree.Entry) uint {
	switch {
	case x.Source != x.Path || x.ModTime != 0:
		return 0
	case x.Type == image.Symlink && e.IsSymlink():
		return 1<<len(symbolic) - 1
	case x.Type == image.Dir && !e.IsDir(), x.Type == image.File && !e.IsRegular(), x.Type == image.Symlink:
		return 0
	}
	pair := [2]fs.FileMode{e.Mode & (fs.ModeDir | fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky), x.Mode}
	fits, ok := d.fitting[pair]
	if !ok {
		for i, set := range d.sets {
			mode := pair[0]
			if symbolic[i] != "" {
				mode = set.Apply(mode)
			}
			if mode&^fs.ModeDir == x.Mode {
				fits |= 1 << i
			}
		}
		d.fitting[pair] = fits
	}
	return fits
}

// in reports whether a copy of that class gives a path just as it is carried.
func (l listed) in(c class) bool {
	return l.fits&(1<<c.mode) != 0 && l.draft.UID == c.uid && l.draft.GID == c.gid
}

// A pass is one copy of a directory.
type pass struct {
	image.Subtree
	dirs []*draft // directories that it touches
	fits int      // how many of them it leaves as they are carried
}

// divide finds the copies of one directory, whose content is listed from one
// place up to another: of itself, or where too much of it stays behind, those
// of the directories in it.
func (d *divider) divide(root string, from, to, depth int) {
	var passes []pass
	divided := false
	for len(passes) < maxPasses && !divided {
		c, ok := d.best(from, to)
		if !ok {
			break
		}
		p, few := d.pass(root, from, to, c)
		if few {
			passes = append(passes, p)
		}
		divided = !few
	}
	// The last one decides on a directory.
	slices.SortStableFunc(passes, func(a, b pass) int { return cmp.Compare(a.fits, b.fits) })
	for _, p := range passes {
		d.out = append(d.out, p.Subtree)
		for _, x := range p.dirs {
			d.last[x] = len(d.out)
		}
	}
	if divided {
		d.below(from, to, depth)
	}
}

// pass makes the copy of one class. few is false when it leaves out too many
// paths to name them for what it takes.
func (d *divider) pass(root string, from, to int, c class) (p pass, few bool) {
	taken := d.taken(from, to, c)
	p.Subtree = image.Subtree{Root: root, UID: c.uid, GID: c.gid, Mode: symbolic[c.mode], Members: map[string]bool{}, Dirs: map[string]bool{}}
	var brought []*draft
	for i := from; i < to; i++ {
		l := d.all[i]
		switch {
		case !taken[i-from]:
			if p.Exclude = append(p.Exclude, strings.TrimPrefix(l.path, root+"/")); len(p.Exclude) > maxExclude {
				return p, false
			}
			i = max(i, l.end-1)
			continue
		case l.end == 0:
			p.Members[l.path] = true
		default:
			p.dirs = append(p.dirs, l.draft)
			if !l.in(c) {
				continue
			}
			p.fits++
			if !l.empty {
				continue
			}
		}
		brought = append(brought, l.draft)
	}
	if len(p.Exclude) > maxPatterns*len(brought) {
		return p, false
	}
	for _, x := range brought {
		x.copied = true
	}
	slices.Sort(p.Exclude)
	return p, true
}

// below divides the directories in one.
func (d *divider) below(from, to, depth int) {
	if depth == maxDepth {
		return
	}
	for i := from; i < to; i++ {
		l := d.all[i]
		if l.end == 0 {
			continue
		}
		if l.draft != nil {
			d.divide(l.path, i+1, l.end, depth+1)
		}
		i = l.end - 1
	}
}

// best is the class that most files have which no copy has yet: of several, the
// one that most directories have, and then the one that changes least. ok is
// false when they are too few.
func (d *divider) best(from, to int) (best class, ok bool) {
	type kind struct {
		uid, gid int
		fits     uint
	}
	kinds := map[kind][2]int{} // files, directories
	for _, l := range d.all[from:to] {
		if l.fits == 0 {
			continue
		}
		k := kind{l.draft.UID, l.draft.GID, l.fits}
		n := kinds[k]
		switch {
		case l.end > 0 && !l.empty:
			n[1]++
		case !l.draft.copied:
			n[0]++
		}
		kinds[k] = n
	}
	count := map[class][2]int{}
	for k, n := range kinds {
		for fits := k.fits; fits != 0; fits &= fits - 1 {
			c := class{k.uid, k.gid, bits.TrailingZeros(fits)}
			count[c] = [2]int{count[c][0] + n[0], count[c][1] + n[1]}
		}
	}
	for c, n := range count {
		order := cmp.Or(cmp.Compare(n[0], count[best][0]), cmp.Compare(n[1], count[best][1]))
		if order > 0 || order == 0 && c.before(best) {
			best = c
		}
	}
	return best, count[best][0] >= minSubtree
}

// taken says which of the listed paths a copy of a class takes: the files and
// empty directories that no copy has yet, the directories in which they are,
// and other empty ones in these, which cost less than a pattern.
func (d *divider) taken(from, to int, c class) []bool {
	out := make([]bool, to-from)
	for i := to - 1; i >= from; i-- {
		l := d.all[i]
		if !out[i-from] && (l.end > 0 && !l.empty || !l.in(c) || l.draft.copied) {
			continue
		}
		out[i-from] = true
		if l.parent >= from {
			out[l.parent-from] = true
		}
	}
	for i := from; i < to; i++ {
		l := d.all[i]
		out[i-from] = out[i-from] || l.empty && l.draft != nil && (l.parent < from || out[l.parent-from])
	}
	return out
}

// directories notes which directories the last copy that touches them leaves
// as they are carried.
func (d *divider) directories() {
	for x, n := range d.last {
		s := d.out[n-1]
		if x.UID == s.UID && x.GID == s.GID && d.fit(x, x.source)&(1<<slices.Index(symbolic, s.Mode)) != 0 {
			s.Dirs[x.Path] = true
		}
	}
}
