// Package llb makes an image from a plan with BuildKit: a chain of file actions
// a layer.
package llb

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/moby/buildkit/client/llb"

	"github.com/whittle-oci/whittle/builder/image"
)

// Can says what the builder is able to do.
type Can struct {
	Symlinks      bool // make links of its own (pb.CapFileSymlinkCreate)
	SymbolicModes bool // change modes as chmod(1) does (pb.CapFileCopyModeStringFormat)
}

// Sources are the states that the files of an image are copied from.
type Sources struct {
	Built llb.State // what the plan's tree was read from
	Base  llb.State // its base image, for a layer of that
}

// State turns a plan into LLB. Every file has the time that [image.FileTime]
// gives it in an image made at created.
//
// The directories of a layer come last, from a state of their own: copying a
// directory sets its owner, mode and time after everything in it is written.
// Those that a copy of a whole directory leaves as they are to be are none of
// them.
func State(p *image.Plan, from Sources, created time.Time, can Can, opts ...llb.ConstraintsOpt) llb.State {
	created = image.FileTime(created)
	out := llb.Scratch()
	for _, l := range p.Layers {
		built, what := from.Built, "minimal image"
		if l.Base {
			built = from.Base
		}
		if l.Name != "" {
			what += ": " + l.Name
		}
		out = layer(out, l, built, created, can, what, opts)
	}
	return out
}

// layer puts a layer on a state.
func layer(on llb.State, p image.Layer, built llb.State, created time.Time, can Can, what string, opts []llb.ConstraintsOpt) llb.State {
	var a actions
	whole, given := wholes(p, can)
	names := apart(p, whole)
	for _, dir := range touched(p, whole, names) {
		delete(given, dir)
	}
	made, special := directories(p, given, created)
	skeleton := llb.Scratch()
	if made != nil {
		skeleton = skeleton.File(made, name("directories", opts)...)
		a.copy(skeleton, "/", "/", contents(created))
	}
	for _, t := range p.Subtrees {
		if !can.copies(t) {
			continue // its files go one by one
		}
		info := contents(created)
		for _, x := range t.Exclude {
			info.ExcludePatterns = append(info.ExcludePatterns, literal(x))
		}
		info.ChownOpt = owner(t.UID, t.GID)
		if t.Mode != "" {
			info.Mode = &llb.ChmodOpt{ModeStr: t.Mode}
		}
		a.copy(built, t.Root, t.Root, info)
	}
	for _, e := range p.Entries {
		switch {
		case names[e.Path] != nil:
			a.copyNames(built, e, names[e.Path], created)
		case whole[e.Path] > 0 || e.Type == image.Dir || e.Hardlink != "":
		case e.Type == image.Symlink && can.Symlinks:
			a.symlink(e, created)
		case e.Type == image.Symlink:
			a.copyLink(built, e, created)
		case e.Source == "":
			a.mkfile(e, created)
		default:
			at := keeps(e, created)
			a.copy(built, e.Source, e.Path, &llb.CopyInfo{Mode: chmod(e.Mode), ChownOpt: owner(e.UID, e.GID), CreatedTime: &at})
		}
	}
	if made != nil {
		a.copy(skeleton, "/", "/", contents(created))
	}
	for _, dirs := range alike(special) {
		info := contents(created)
		info.Mode, info.ChownOpt = chmod(dirs[0].Mode), owner(dirs[0].UID, dirs[0].GID)
		for _, e := range dirs {
			this := literal(e.Path[1:])
			info.IncludePatterns = append(info.IncludePatterns, this)
			info.ExcludePatterns = append(info.ExcludePatterns, this+"/*")
		}
		a.copy(skeleton, "/", "/", info)
	}
	return on.File(a.last, name(what, opts)...)
}

// Unnameable finds a path that the builder would have to be told by name and
// cannot be: the strings of a build definition are UTF-8, names of files any
// bytes. What comes with the copy of a whole directory needs no name. ok is
// false when there is none.
func Unnameable(p *image.Plan, can Can) (name string, ok bool) {
	for _, l := range p.Layers {
		if name, ok := unnameable(l, can); ok {
			return name, true
		}
	}
	return "", false
}

func unnameable(p image.Layer, can Can) (name string, ok bool) {
	whole, given := wholes(p, can)
	for _, e := range p.Entries {
		if whole[e.Path] == 0 && !given[e.Path] && !(utf8.ValidString(e.Path) && utf8.ValidString(e.Linkname)) {
			return e.Path, true
		}
	}
	for _, t := range p.Subtrees {
		for _, x := range t.Exclude {
			if can.copies(t) && !utf8.ValidString(x) {
				return path.Join(t.Root, x), true
			}
		}
	}
	return "", false
}

// copies reports whether the builder can copy a directory as a whole.
func (c Can) copies(t image.Subtree) bool { return t.Mode == "" || c.SymbolicModes }

// wholes says in which of the copies of whole directories a file is, from 1,
// and which directories they leave as they are to be.
func wholes(p image.Layer, can Can) (whole map[string]int, given map[string]bool) {
	whole, given = map[string]int{}, map[string]bool{}
	for i, t := range p.Subtrees {
		if !can.copies(t) {
			continue
		}
		for m := range t.Members {
			whole[m] = i + 1
		}
		for d := range t.Dirs {
			given[d] = true
		}
	}
	return whole, given
}

// touched lists the directories whose time, or mode, changes when files are
// copied one by one.
func touched(p image.Layer, whole map[string]int, names map[string][]string) []string {
	var out []string
	for _, e := range p.Entries {
		if all := names[e.Path]; all != nil {
			top := common(all)
			for _, n := range all { // copying the way to a name sets modes
				for dir := path.Dir(n); dir != "/" && (dir == top || top == "/" || strings.HasPrefix(dir, top+"/")); dir = path.Dir(dir) {
					out = append(out, dir)
				}
			}
		} else if whole[e.Path] == 0 && e.Type != image.Dir && e.Hardlink == "" {
			out = append(out, path.Dir(e.Path))
		}
	}
	return out
}

// actions is a chain of file actions, which become one layer.
type actions struct{ last *llb.FileAction }

func (a *actions) copy(from llb.State, src, dest string, info *llb.CopyInfo) {
	if a.last == nil {
		a.last = llb.Copy(from, src, dest, info)
		return
	}
	a.last = a.last.Copy(from, src, dest, info)
}

func (a *actions) mkfile(e image.Entry, created time.Time) {
	opts := []llb.MkfileOption{llb.WithCreatedTime(created), llb.WithUIDGID(e.UID, e.GID)}
	if a.last == nil {
		a.last = llb.Mkfile(e.Path, e.Mode, e.Data, opts...)
		return
	}
	a.last = a.last.Mkfile(e.Path, e.Mode, e.Data, opts...)
}

func (a *actions) symlink(e image.Entry, created time.Time) {
	opts := []llb.SymlinkOption{llb.WithCreatedTime(created), llb.WithUIDGID(e.UID, e.GID)}
	if a.last == nil {
		a.last = llb.Symlink(e.Linkname, e.Path, opts...)
		return
	}
	a.last = a.last.Symlink(e.Linkname, e.Path, opts...)
}

// apart gives the names of files that have several, by the first of them, but
// for those that one copy of a whole directory brings: a copy keeps hard links
// to itself.
func apart(p image.Layer, whole map[string]int) map[string][]string {
	names := map[string][]string{}
	for _, e := range p.Entries {
		if e.Hardlink == "" {
			continue
		}
		if names[e.Hardlink] == nil {
			names[e.Hardlink] = []string{e.Hardlink}
		}
		names[e.Hardlink] = append(names[e.Hardlink], e.Path)
	}
	for first, all := range names {
		together := whole[first] > 0
		for _, n := range all {
			together = together && whole[n] == whole[first]
		}
		if together {
			delete(names, first)
		}
	}
	return names
}

// copyNames copies a file with all its names, in one copy of the directory
// that they lie in.
func (a *actions) copyNames(built llb.State, e image.Entry, names []string, created time.Time) {
	dir := common(names)
	info := contents(keeps(e, created))
	for _, n := range names {
		info.IncludePatterns = append(info.IncludePatterns, literal(strings.TrimPrefix(strings.TrimPrefix(n, dir), "/")))
	}
	info.Mode, info.ChownOpt = chmod(e.Mode), owner(e.UID, e.GID)
	a.copy(built, dir, dir, info)
}

// common is the directory that all names lie in.
func common(names []string) string {
	dir := path.Dir(names[0])
	for _, n := range names {
		for dir != "/" && !strings.HasPrefix(n, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	return dir
}

// copyLink copies a symbolic link as one of the files in its directory, for
// builders that cannot make links: asked for the link alone they follow it.
func (a *actions) copyLink(built llb.State, e image.Entry, created time.Time) {
	info := contents(created)
	info.IncludePatterns = []string{literal(path.Base(e.Source))}
	info.ChownOpt = owner(e.UID, e.GID)
	a.copy(built, path.Dir(e.Source), path.Dir(e.Path), info)
}

// literal gives the pattern that matches a name and nothing else. Patterns are
// those of .dockerignore, around which white space is cut off.
func literal(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case strings.ContainsRune(`*?[]\!`, r):
			b.WriteString(`\` + string(r))
		case unicode.IsSpace(r):
			b.WriteString("[" + string(r) + "]")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func name(what string, opts []llb.ConstraintsOpt) []llb.ConstraintsOpt {
	return append([]llb.ConstraintsOpt{llb.WithCustomName("[whittle] " + what)}, opts...)
}

// directories makes the tree of directories alone, but for those that are given
// and have none of the others in them. Those with bits that mkdir does not
// give, because of its umask or as with the sticky /tmp, come back to be set
// afterwards.
func directories(p image.Layer, given map[string]bool, created time.Time) (action *llb.FileAction, special []image.Entry) {
	needed := map[string]bool{}
	for _, e := range p.Entries {
		if e.Type != image.Dir || given[e.Path] {
			continue
		}
		for dir := e.Path; dir != "/" && !needed[dir]; dir = path.Dir(dir) {
			needed[dir] = true
		}
	}
	for _, e := range p.Entries {
		if !needed[e.Path] {
			continue
		}
		mk := []llb.MkdirOption{llb.WithCreatedTime(created), llb.WithUIDGID(e.UID, e.GID)}
		if action == nil {
			action = llb.Mkdir(e.Path, e.Mode.Perm(), mk...)
		} else {
			action = action.Mkdir(e.Path, e.Mode.Perm(), mk...)
		}
		if e.Mode&(fs.ModeSticky|fs.ModeSetgid|fs.ModeSetuid|0o022) != 0 {
			special = append(special, e)
		}
	}
	return action, special
}

// maxAlike is how many directories one copy sets: each is a pattern, which is
// matched against every directory.
const maxAlike = 100

// alike gives the directories that one copy sets, of one owner and mode, in the
// order in which they are set. On the way to a directory a copy takes the bits
// that mkdir does not give from those that it lies in, so that these come later.
func alike(special []image.Entry) [][]image.Entry {
	depth := map[string]int{}
	for _, e := range special { // parents first
		for dir := path.Dir(e.Path); dir != "/"; dir = path.Dir(dir) {
			if n, ok := depth[dir]; ok {
				depth[e.Path] = n + 1
				break
			}
		}
		depth[e.Path] += 0
	}
	order := func(a, b image.Entry) int {
		return cmp.Or(cmp.Compare(depth[b.Path], depth[a.Path]), cmp.Compare(a.Mode, b.Mode), cmp.Compare(a.UID, b.UID), cmp.Compare(a.GID, b.GID))
	}
	special = slices.SortedStableFunc(slices.Values(special), order)
	var out [][]image.Entry
	for _, e := range special {
		if n := len(out); n > 0 && order(out[n-1][0], e) == 0 && len(out[n-1]) < maxAlike {
			out[n-1] = append(out[n-1], e)
			continue
		}
		out = append(out, []image.Entry{e})
	}
	return out
}

// keeps is the time that a file has: its own, where a program compares it.
func keeps(e image.Entry, created time.Time) time.Time {
	if e.ModTime == 0 {
		return created
	}
	return time.Unix(e.ModTime, 0)
}

func contents(created time.Time) *llb.CopyInfo {
	return &llb.CopyInfo{CopyDirContentsOnly: true, CreatedTime: &created}
}

func owner(uid, gid int) *llb.ChownOpt {
	return &llb.ChownOpt{User: &llb.UserOpt{UID: uid}, Group: &llb.UserOpt{UID: gid}}
}

// chmod gives a mode as the copy action wants it: the bits of chmod(2).
func chmod(mode fs.FileMode) *llb.ChmodOpt {
	return &llb.ChmodOpt{Mode: fs.FileMode(image.UnixMode(mode))}
}
