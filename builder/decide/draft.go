package decide

import (
	"cmp"
	"io/fs"
	"maps"
	"path"
	"slices"

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

// drafts are the entries of an image by path.
type drafts map[string]*draft

// fromSet makes the drafts of a closure.
func fromSet(s *need.Set) drafts {
	out := drafts{}
	for _, f := range s.Files() {
		d := fromTree(f.Path, f.Entry, f.Reason)
		d.program, d.library, d.shell, d.Droppable = f.Program, f.Library, f.Shell, f.Droppable
		out[f.Path] = d
	}
	return out
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
func (d drafts) add(more []*draft, g *gate) {
	for _, x := range more {
		have, ok := d[x.Path]
		switch {
		case ok:
			have.role, have.asked = max(have.role, x.role), have.asked || x.asked
			if x.why != "" {
				have.Mode, have.why = x.Mode, x.why
			}
		case x.role != ordinary || !g.takesOut(x):
			d[x.Path] = x
		}
	}
}

// paths lists the paths in order.
func (d drafts) paths() []string { return slices.Sorted(maps.Keys(d)) }

// occupied lists the directories below which something is.
func (d drafts) occupied() map[string]bool {
	out := map[string]bool{}
	for name := range d {
		for dir := path.Dir(name); dir != "/" && !out[dir]; dir = path.Dir(dir) {
			out[dir] = true
		}
	}
	return out
}

// present reports whether the image has something at the path, following the
// links it carries.
func (d drafts) present(name string, occupied map[string]bool) bool {
	for range 40 {
		e, ok := d[name]
		if ok && e.Type != image.Symlink || occupied[name] {
			return true
		}
		at := name // the link nearest to the root
		for dir := name; dir != "/" && dir != "."; dir = path.Dir(dir) {
			if e, ok := d[dir]; ok && e.Type == image.Symlink {
				at = dir
			}
		}
		link, ok := d[at]
		if !ok || link.Type != image.Symlink {
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
