// Package llb makes an image from a plan with BuildKit: file actions, in one
// layer.
package llb

import (
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/moby/buildkit/client/llb"

	"github.com/whittle-oci/whittle/builder/image"
)

// Can says what the builder is able to do.
type Can struct {
	Symlinks      bool // make links of its own (pb.CapFileSymlinkCreate)
	SymbolicModes bool // change modes as chmod(1) does (pb.CapFileCopyModeStringFormat)
}

// State turns a plan into LLB: one state, one layer. Every file has the time
// created.
//
// Files are copied from built, the state that the plan's tree was read from.
// The directories come last, from a state of their own: copying a directory
// sets its owner, mode and time after everything in it is written.
func State(p *image.Plan, built llb.State, created time.Time, can Can, opts ...llb.ConstraintsOpt) llb.State {
	if len(p.Entries) == 0 {
		return llb.Scratch()
	}
	var a actions
	whole := map[string]int{} // in which of the copies a file is, from 1
	made, special := directories(p, created)
	skeleton := llb.Scratch()
	if made != nil {
		skeleton = skeleton.File(made, name("directories", opts)...)
		a.copy(skeleton, "/", "/", contents(created))
	}
	for i, t := range p.Subtrees {
		if t.Mode != "" && !can.SymbolicModes {
			continue // its files go one by one
		}
		for m := range t.Members {
			whole[m] = i + 1
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
	names := apart(p, whole)
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
			a.copy(built, e.Source, e.Path, &llb.CopyInfo{Mode: chmod(e.Mode), ChownOpt: owner(e.UID, e.GID), CreatedTime: &created})
		}
	}
	if made != nil {
		a.copy(skeleton, "/", "/", contents(created))
	}
	for _, e := range special {
		info := contents(created)
		info.Mode, info.ChownOpt = chmod(e.Mode), owner(e.UID, e.GID)
		this := literal(path.Base(e.Path))
		info.IncludePatterns, info.ExcludePatterns = []string{this}, []string{this + "/*"}
		a.copy(skeleton, path.Dir(e.Path), path.Dir(e.Path), info)
	}
	return llb.Scratch().File(a.last, name("minimal image", opts)...)
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
func apart(p *image.Plan, whole map[string]int) map[string][]string {
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
	dir := path.Dir(names[0])
	for _, n := range names {
		for dir != "/" && !strings.HasPrefix(n, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	info := contents(created)
	for _, n := range names {
		info.IncludePatterns = append(info.IncludePatterns, literal(strings.TrimPrefix(strings.TrimPrefix(n, dir), "/")))
	}
	info.Mode, info.ChownOpt = chmod(e.Mode), owner(e.UID, e.GID)
	a.copy(built, dir, dir, info)
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

// directories makes the tree of directories alone. Those with bits that mkdir
// does not give, because of its umask or as with the sticky /tmp, come back to
// be set afterwards.
func directories(p *image.Plan, created time.Time) (action *llb.FileAction, special []image.Entry) {
	for _, e := range p.Entries {
		if e.Type != image.Dir {
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
