package frontend

import (
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/moby/buildkit/client/llb"

	"github.com/whittle-oci/whittle/builder/image"
)

// sink turns a plan into LLB: one state, one layer.
//
// Files are copied from built, the state that the plan's tree was read from.
// The directories come last, from a state of their own: copying a directory
// sets its owner, mode and time after everything in it is written.
func sink(p *image.Plan, built llb.State, created time.Time, symlinks bool, opts ...llb.ConstraintsOpt) llb.State {
	if len(p.Entries) == 0 {
		return llb.Scratch()
	}
	var a actions
	whole := map[string]bool{}
	made, special := directories(p, created)
	skeleton := llb.Scratch()
	if made != nil {
		skeleton = skeleton.File(made, name("directories", opts)...)
		a.copy(skeleton, "/", "/", contents(created))
	}
	for _, t := range p.Subtrees {
		for m := range t.Members {
			whole[m] = true
		}
		info := contents(created)
		for _, x := range t.Exclude {
			info.ExcludePatterns = append(info.ExcludePatterns, literal(x))
		}
		info.ChownOpt = owner(t.UID, t.GID)
		a.copy(built, t.Root, t.Root, info)
	}
	for _, e := range p.Entries {
		switch {
		case whole[e.Path] || e.Type == image.Dir:
		case e.Type == image.Symlink && symlinks:
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
