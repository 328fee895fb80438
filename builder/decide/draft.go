package decide

import (
	"cmp"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A draft is an entry on its way into the plan, with what its owner and mode
// depend on.
type draft struct {
	image.Entry
	source           tree.Entry // as the tree has it; zero when it has not
	program, library bool
	shell            bool   // nothing but a shell asks for it
	role             role   // what a directory is to the user
	copied           bool   // it comes with a copy of a whole directory
	asked            bool   // the user has to get into it whatever its number
	why, modeWhy     string // why owner, and mode, differ from the source's
}

// A role says what a directory is to the image's user.
type role uint8

const (
	ordinary  role = iota
	userOwned      // the directory belongs to the user
	userTree       // with all that is in it
)

// drafts are the entries of an image.
type drafts struct {
	byPath map[string]*draft
	list   []*draft
	sorted bool // list is in the order of paths
}

func newDrafts() *drafts { return &drafts{byPath: map[string]*draft{}, sorted: true} }

// fromSet makes the drafts of a closure.
func fromSet(s *need.Set) *drafts {
	files := s.Files()
	out := &drafts{make(map[string]*draft, len(files)), make([]*draft, 0, len(files)), true}
	for _, f := range files {
		d := fromTree(f.Path, f.Entry, f.Reason)
		d.program, d.library, d.shell, d.Droppable = f.Program, f.Library, f.Shell, f.Droppable
		out.byPath[f.Path] = d
		out.list = append(out.list, d)
	}
	return out
}

// find gives the entry at a path, nil for none.
func (d *drafts) find(name string) *draft { return d.byPath[name] }

// put adds an entry at a path that has none.
func (d *drafts) put(x *draft) {
	d.byPath[x.Path] = x
	d.list = append(d.list, x)
	d.sorted = false
}

// entries lists the entries in the order of their paths. The list is the
// drafts' own, and stays as it is when some are added.
func (d *drafts) entries() []*draft {
	if !d.sorted {
		d.list = slices.Clone(d.list)
		slices.SortFunc(d.list, func(a, b *draft) int { return strings.Compare(a.Path, b.Path) })
		d.sorted = true
	}
	return d.list
}

// clone gives drafts to which others can be added. The entries are the same.
func (d *drafts) clone() *drafts {
	return &drafts{maps.Clone(d.byPath), slices.Clone(d.list), d.sorted}
}

// fromTree makes the draft of a file of the built tree.
func fromTree(name string, e tree.Entry, reason string) *draft {
	mode := e.Mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	d := &draft{source: e, Entry: image.Entry{Path: name, Type: image.File, Source: name, Mode: mode, UID: e.UID, GID: e.GID, Size: e.Size, Reason: reason}}
	switch {
	case e.IsDir():
		d.Type, d.Size = image.Dir, 0
	case e.IsSymlink():
		d.Type, d.Size, d.Mode, d.Linkname = image.Symlink, 0, 0o777, e.Linkname
		d.UID, d.GID = 0, 0
	}
	return d
}

// generated makes the draft of a file that no tree holds.
func generated(f rootfs.File) *draft {
	d := &draft{Entry: image.Entry{Path: f.Path, Type: image.File, Mode: f.Mode &^ fs.ModeType, UID: f.UID, GID: f.GID, Size: int64(len(f.Data)), Data: f.Data, Reason: f.Reason}}
	if f.Mode.IsDir() {
		d.Type, d.Size, d.Data = image.Dir, 0, nil
	}
	return d
}

// add adds drafts that the gate admits. Where a path is taken, what is there
// stays, with what the new one says of it.
func (d *drafts) add(more []*draft, g *gate) {
	for _, x := range more {
		have := d.find(x.Path)
		switch {
		case have != nil:
			have.role, have.asked = max(have.role, x.role), have.asked || x.asked
			if x.why != "" {
				have.Mode, have.why = x.Mode, x.why
			}
		case x.role != ordinary || !g.takesOut(x):
			d.put(x)
		}
	}
}

// parents adds the directories that the entries lie in, as from has them.
func (d *drafts) parents(from *drafts) {
	for dir := range d.occupied() {
		if x := from.find(dir); x != nil && d.find(dir) == nil {
			d.put(x)
		}
	}
}

// size is the bytes of the regular files.
func (d *drafts) size() (n int64) {
	for _, x := range d.list {
		if x.Type == image.File {
			n += x.Size
		}
	}
	return n
}

// occupied lists the directories below which something is.
func (d *drafts) occupied() map[string]bool {
	out := map[string]bool{}
	for _, e := range d.list {
		for dir := path.Dir(e.Path); dir != "/" && !out[dir]; dir = path.Dir(dir) {
			out[dir] = true
		}
	}
	return out
}

// present reports whether the image has something at the path, following the
// links it carries.
func (d *drafts) present(name string, occupied map[string]bool) bool {
	for range 40 {
		if e := d.find(name); e != nil && e.Type != image.Symlink || occupied[name] {
			return true
		}
		at := name // the link nearest to the root
		for dir := name; dir != "/" && dir != "."; dir = path.Dir(dir) {
			if e := d.find(dir); e != nil && e.Type == image.Symlink {
				at = dir
			}
		}
		link := d.find(at)
		if link == nil || link.Type != image.Symlink {
			return false
		}
		target := link.Linkname
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(at), target)
		}
		name = path.Join(target, name[len(at):])
	}
	return false
}

func orElse(s, other string) string { return cmp.Or(s, other) }
