package dockerfile

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"

	modes "github.com/tonistiigi/dchapes-mode"

	"github.com/whittle-oci/whittle/builder/image"
)

// rights are the owner and the mode of a directory.
type rights struct {
	uid, gid int
	mode     fs.FileMode
}

// unknown is the mode of a directory that the built stage has and of which the
// plan does not say how.
const unknown = fs.ModeIrregular

// dirs follows what copies do to directories, as BuildKit does them
// (tonistiigi/fsutil, copy): a directory that a copy makes on its way gets the
// owner and the mode of that copy, one that is there gets the mode that it has
// where it is copied from, and keeps its owner.
type dirs struct {
	plan map[string]image.Entry // directories of the plan
	list []string               // their paths, parents first
	now  map[string]rights
}

func newDirs(p *image.Plan) *dirs {
	d := &dirs{plan: map[string]image.Entry{}, now: map[string]rights{}}
	for _, e := range p.Entries {
		if e.Type == image.Dir {
			d.plan[e.Path] = e
			d.list = append(d.list, e.Path)
		}
	}
	return d
}

// built is the mode that a directory has where a copy takes it from.
func (d *dirs) built(dir string, c copyOp) fs.FileMode {
	e := d.plan[dir]
	switch {
	case c.made:
		return 0o755
	case e.Source == "":
		return unknown
	}
	return e.Built
}

// apply follows one copy.
func (d *dirs) apply(c copyOp) {
	d.reach(c.base, c)
	if c.paths == nil && c.contents == nil && c.fromContext == nil {
		for _, dir := range d.list {
			if below(dir, c.base) && d.plan[dir].Source != "" && !c.excludes(dir) {
				d.match(dir, c)
			}
		}
	}
	for _, name := range c.paths {
		for _, dir := range ancestors(name) {
			if below(dir, c.base) {
				d.pass(dir, c)
			}
		}
		if _, is := d.plan[name]; is {
			d.match(name, c)
		}
	}
}

// ancestors are the directories that a path lies in, the root's children first.
func ancestors(name string) []string {
	var out []string
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		out = append(out, dir)
	}
	slices.Reverse(out)
	return out
}

// reach follows how the directory that is copied to comes to be.
func (d *dirs) reach(base string, c copyOp) {
	for _, dir := range append(ancestors(base), base) {
		if _, is := d.now[dir]; is || dir == "/" {
			continue
		}
		mode := fs.FileMode(0o755)
		if v, ok := c.octal(); ok {
			mode = v
		}
		d.now[dir] = rights{c.uid, c.gid, mode}
	}
}

// pass follows a directory on the way to what is copied.
func (d *dirs) pass(dir string, c copyOp) {
	r, is := d.now[dir]
	if !is {
		d.match(dir, c)
		return
	}
	r.mode = d.built(dir, c)
	d.now[dir] = r
}

// match follows a directory that is itself copied.
func (d *dirs) match(dir string, c copyOp) {
	mode := d.built(dir, c)
	if v, ok := c.octal(); ok {
		mode = v
	} else if mode != unknown {
		mode = changed(mode, c.mode, true)
	}
	d.now[dir] = rights{c.uid, c.gid, mode}
}

// wrong lists the directories that are not what the plan says, the deepest
// first.
func (d *dirs) wrong() []image.Entry {
	var out []image.Entry
	for _, dir := range d.list {
		e := d.plan[dir]
		if r, is := d.now[dir]; !is || r != (rights{e.UID, e.GID, e.Mode}) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b image.Entry) int {
		return cmp.Compare(strings.Count(b.Path, "/"), strings.Count(a.Path, "/"))
	})
	return out
}

// maxRepairs is how many copies give directories their owners and modes.
const maxRepairs = 40

// repair copies the directories that are not yet what the plan says, alone. A
// copy changes those that it passes, so that the deepest come first.
func (w *writer) repair() error {
	for range maxRepairs {
		wrong := w.dirs.wrong()
		if len(wrong) == 0 {
			return nil
		}
		var batch []image.Entry
		for _, e := range wrong {
			first := wrong[0]
			alike := e.UID == first.UID && e.GID == first.GID && e.Mode == first.Mode && (e.Source == "") == (first.Source == "")
			holds := slices.ContainsFunc(wrong, func(x image.Entry) bool { return below(x.Path, e.Path) })
			if alike && !holds {
				batch = append(batch, e)
			}
		}
		c := copyOp{uid: batch[0].UID, gid: batch[0].GID, mode: image.Octal(batch[0].Mode), base: "/", made: batch[0].Source == ""}
		var reasons []string
		for _, e := range batch {
			if err := writable(e); err != nil {
				return err
			}
			c.paths = append(c.paths, e.Path)
			reasons = append(reasons, e.Reason)
			if !c.made || slices.ContainsFunc(w.made, func(dir string) bool { return below(dir, e.Path) }) {
				c.exclude = append(c.exclude, literal(relative(e.Path, "/"))+"/*")
			}
			if c.made && !slices.Contains(w.made, e.Path) {
				w.made = append(w.made, e.Path)
			}
		}
		slices.Sort(c.paths)
		slices.Sort(c.exclude)
		c.reason = "directories alone: " + summary(reasons)
		w.dirs.apply(c)
		w.copied = append(w.copied, c)
	}
	for _, e := range w.dirs.wrong() {
		w.said = append(w.said, "The owner and mode of "+e.Path+" ("+image.Octal(e.Mode)+").")
	}
	return nil
}

// changed applies a change of mode, "" for none, to a file or directory.
func changed(mode fs.FileMode, change string, dir bool) fs.FileMode {
	if change == "" {
		return mode
	}
	set, err := modes.ParseWithUmask(change, 0)
	if err != nil {
		return unknown
	}
	if dir {
		mode |= fs.ModeDir
	}
	return set.Apply(mode) &^ fs.ModeDir
}
