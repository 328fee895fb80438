package decide

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	modes "github.com/tonistiigi/dchapes-mode"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

const (
	minSubtree = 4   // fewer files than this are copied one by one
	maxExclude = 200 // patterns are matched against every file
	maxPasses  = 8   // copies of one directory, each of an owner and a mode of its own
)

// symbolic are the changes of mode that whole directories go through, in the
// language of chmod(1): what own does to data that is root's, to what is the
// user's, and to what only its owner may use.
var symbolic = []string{"", "a+rX", "a+rX,g-w", "u+rX,g=u", "u+rwX,g=u", "a+rX,g-w,u-s,g-s", "u+rX,g=u,u-s,g-s", "u+rwX,g=u,u-s,g-s"}

// subtrees finds the directories below roots that can be copied as a whole,
// several times where files differ in owner or in what becomes of their mode.
func subtrees(ctx context.Context, t tree.Tree, roots []string, files *drafts) ([]image.Subtree, error) {
	d := &divider{tree: t, files: files, occupied: files.occupied(), taken: map[string]bool{}}
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
	roots = slices.Compact(slices.Sorted(slices.Values(roots)))
	var out []image.Subtree
	for _, root := range roots {
		found, err := d.divide(ctx, root)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", root, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// divider divides directories into copies.
type divider struct {
	tree     tree.Tree
	files    *drafts
	occupied map[string]bool
	sets     []modes.Set
	taken    map[string]bool // what a copy has already
}

// class is what one copy does to all of its files.
type class struct{ uid, gid, mode int }

func (c class) before(o class) bool {
	return cmp.Or(cmp.Compare(c.mode, o.mode), cmp.Compare(c.uid, o.uid), cmp.Compare(c.gid, o.gid)) < 0
}

// divide finds the copies of one directory: of itself, or where too much of it
// stays behind, those of the directories in it.
func (d *divider) divide(ctx context.Context, root string) ([]image.Subtree, error) {
	var out []image.Subtree
	for range maxPasses {
		listing, err := d.list(ctx, root)
		if err != nil {
			return nil, err
		}
		s, ok := d.copy(root, listing)
		if !ok {
			break
		}
		if len(s.Exclude) > maxExclude {
			return d.below(ctx, root, out)
		}
		for m := range s.Members {
			d.taken[m] = true
		}
		out = append(out, s)
	}
	return out, nil
}

// below divides the directories in root.
func (d *divider) below(ctx context.Context, root string, out []image.Subtree) ([]image.Subtree, error) {
	children, err := d.tree.ReadDir(ctx, root)
	if err != nil {
		return nil, err
	}
	for _, e := range children {
		name := path.Join(root, e.Name)
		if !e.IsDir() || !d.occupied[name] {
			continue
		}
		found, err := d.divide(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// listed is a path below the directory that is divided. whole marks a
// directory that stays behind with all that is in it.
type listed struct {
	path  string
	entry tree.Entry
	whole bool
}

// list lists what the tree has below root, so that nothing is copied of which
// nobody knows: devices, pipes and sockets too.
func (d *divider) list(ctx context.Context, root string) ([]listed, error) {
	var out []listed
	err := tree.Walk(ctx, d.tree, root, func(name string, e tree.Entry) error {
		switch {
		case name == root:
			return nil
		case !e.IsDir() || d.occupied[name]:
			out = append(out, listed{name, e, false})
			return nil
		case d.files.find(name) == nil:
			out = append(out, listed{name, e, true})
			return tree.SkipDir
		}
		children, err := d.tree.ReadDir(ctx, name)
		if err != nil || len(children) > 0 {
			// Nothing in it is carried, or it cannot be listed.
			out = append(out, listed{name, e, true})
			return tree.SkipDir
		}
		return nil // an empty one comes by itself
	})
	return out, err
}

// copy makes the copy of the class that most files have. ok is false when they
// are too few.
func (d *divider) copy(root string, all []listed) (image.Subtree, bool) {
	count := map[class]int{}
	var best class
	for _, l := range all {
		e := d.files.find(l.path)
		if e == nil || l.entry.IsDir() {
			continue
		}
		for i := range symbolic {
			if c := (class{e.UID, e.GID, i}); d.fits(l, c) {
				count[c]++
			}
		}
	}
	for c, n := range count { // of several, the one that changes least
		if n > count[best] || n == count[best] && c.before(best) {
			best = c
		}
	}
	if count[best] < minSubtree {
		return image.Subtree{}, false
	}
	s := image.Subtree{Root: root, UID: best.uid, GID: best.gid, Mode: symbolic[best.mode], Members: map[string]bool{}}
	for _, l := range all {
		if l.entry.IsDir() && !l.whole {
			continue
		}
		if !l.whole && d.fits(l, best) {
			s.Members[l.path] = true
			continue
		}
		s.Exclude = append(s.Exclude, strings.TrimPrefix(l.path, root+"/"))
	}
	sort.Strings(s.Exclude)
	return s, true
}

// fits reports whether a copy of that class gives the file just as it is
// carried.
func (d *divider) fits(l listed, c class) bool {
	e := d.files.find(l.path)
	if e == nil || d.taken[l.path] || e.Source != l.path || !l.entry.IsRegular() && !l.entry.IsSymlink() || e.UID != c.uid || e.GID != c.gid {
		return false
	}
	if e.Type == image.Symlink {
		return true
	}
	bits := l.entry.Mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	if symbolic[c.mode] == "" {
		return e.Mode == bits
	}
	return e.Mode == d.sets[c.mode].Apply(bits)
}
