package decide

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// ownership is what phase 7 reads of the other phases.
type ownership struct {
	user  identity
	home  string // real path of a home that the image's user got, "" for none
	facts *need.Set
	kept  kept
	gate  *gate
}

// owner gives files to the user of the image or to root.
type owner struct {
	user   identity
	chosen bool // the user was set by name
	home   string
	gate   *gate
}

// own is phase 7: it gives every file the owner, the mode and the set-id bits
// that it has in the image, with the directories that files lie in, and says
// which names are one file. It comes after everything that adds files.
func own(ctx context.Context, env *need.Env, in Input, files *drafts, with ownership) error {
	o := owner{with.user, in.Options.User != "", with.home, with.gate}
	writable, err := writableDirs(ctx, env, with.kept.empty, with.facts.Subjects(need.SearchDir))
	if err != nil {
		return err
	}
	t := in.Tree
	if err := parents(ctx, t, files); err != nil {
		return err
	}
	started, open := startedBelow(files), o.openDirs(files)
	for _, d := range files.entries() {
		name := d.Path
		if d.Type == image.Dir && d.role == ordinary && writable(name) && !ownersOnly(d.source.Mode) && (d.source.UID == 0 || o.user.built.root) {
			// As root the program could write there, and there is no other
			// use for it.
			d.role = userOwned
		}
		o.give(d, started[name], open(name))
	}
	if !o.user.root {
		for _, d := range files.entries() {
			if err := o.readable(ctx, d, started[d.Path]); err != nil {
				return err
			}
		}
	}
	for _, d := range files.entries() {
		dropSetIDs(d)
	}
	hardLinks(files)
	return nil
}

// parents adds the directories that files lie in, as the tree has them.
func parents(ctx context.Context, t tree.Tree, files *drafts) error {
	for _, d := range files.entries() {
		// Who added a parent has added those of it.
		for dir := path.Dir(d.Path); dir != "/" && files.find(dir) == nil; dir = path.Dir(dir) {
			e, err := t.Lstat(ctx, dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err == nil && e.IsDir() {
				files.put(fromTree(dir, e, "holds "+d.Path))
				continue
			}
			files.put(&draft{Entry: image.Entry{Path: dir, Type: image.Dir, Mode: 0o755, Reason: "holds " + d.Path}})
		}
	}
	return nil
}

// give gives a file its owner: programs and libraries belong to root and are
// not writable, what the Dockerfile gave to its user stays the user's, what
// only its owner could use becomes the user's as it is, everything else
// belongs to root. Where the image runs as root, what it starts may be anyone,
// so owners stay.
func (o owner) give(d *draft, started, open bool) {
	switch {
	case d.Type == image.Symlink:
		d.UID, d.GID = 0, 0
	case d.program || d.library:
		d.UID, d.GID, d.why = 0, 0, "a program is root's and not writable"
		d.Mode &^= 0o022
	case o.user.root:
	case o.private(d, started):
		o.hand(d)
	case d.role != ordinary || open || d.Source != "" && o.owned(d):
		o.share(d, open)
	case d.Source != "":
		if d.GID != 0 {
			d.Mode &^= 0o020 | fs.ModeSetgid
		}
		if d.UID != 0 || d.GID != 0 {
			d.UID, d.GID, d.why = 0, 0, "it is not the user's"
		}
	}
}

// owned reports whether the Dockerfile let its user write to a file.
func (o owner) owned(d *draft) bool {
	built := o.user.built
	switch {
	case systemDir(d.Path):
		return false
	case d.UID != 0 && d.UID == built.uid, o.chosen && d.UID != 0 && d.UID == o.user.uid:
		return true
	case d.Mode&0o002 != 0:
		return true
	}
	return d.Mode&0o020 != 0 && d.GID != 0 && !built.root && (d.GID == built.gid || slices.Contains(o.user.member, d.GID))
}

// private reports whether a file or directory is of use to its owner alone,
// and stays so: programs such as sshd and PostgreSQL refuse keys and data that
// anybody else may read. Directories that the image's user has to get into
// whatever its number are not: those that writable: names, the home, and, where
// no named user kept them to itself, WORKDIR, VOLUMEs and what programs lie in.
func (o owner) private(d *draft, started bool) bool {
	switch {
	case d.Source == "" || !ownersOnly(d.source.Mode) || systemDir(d.Path):
		return false
	case d.Type != image.Dir:
		return true
	case d.asked:
		return false
	case d.source.UID != 0 && d.source.UID == o.user.uid:
		return true
	}
	return !started && d.role != userOwned
}

// hand makes the user the owner of what only its owner may use. Where it
// already is, nothing changes but what the owner itself could not do.
func (o owner) hand(d *draft) {
	bits := fs.FileMode(0o400)
	if d.Type == image.Dir {
		bits = 0o500
	}
	if d.UID != o.user.uid {
		d.UID, d.GID, d.why = o.user.uid, 0, "only its owner may use it, so it is the user's"
	}
	if d.Mode&bits != bits {
		d.Mode |= bits
		d.modeWhy = "the user could not read it"
	}
}

// share makes an entry the user's, with the group's bits equal to the owner's
// and group 0, so that any uid can use it where a platform assigns one, as
// OpenShift does. A sticky directory is everybody's already, and a file that
// its owner may only read stays one unless all in its directory is the user's.
func (o owner) share(d *draft, open bool) {
	if d.Mode&fs.ModeSticky != 0 && d.Mode&0o002 != 0 {
		d.UID, d.GID = 0, 0
		return
	}
	d.why = "the user writes to it, as does any uid of group 0"
	d.UID, d.GID = o.user.uid, 0
	switch {
	case d.Type == image.Dir:
		d.Mode |= 0o700
	case open:
		d.Mode |= 0o600
	default:
		d.Mode |= 0o400
	}
	d.Mode = groupAsOwner(d.Mode)
}

// groupAsOwner copies the owner's permission bits to the group.
func groupAsOwner(mode fs.FileMode) fs.FileMode {
	return mode&^0o070 | mode&0o700>>3
}

// readable adds the bits without which the user could not read a file, run a
// program or enter a directory. A credential is not opened to everyone: it
// becomes the user's.
func (o owner) readable(ctx context.Context, d *draft, started bool) error {
	binary := d.program || d.library
	if d.Type == image.Symlink || !binary && o.private(d, started) {
		return nil
	}
	bits := fs.FileMode(0o044)
	if d.UID == o.user.uid && o.user.uid != 0 {
		bits = 0o440
	}
	if d.Type == image.Dir || d.program || d.Mode&0o100 != 0 {
		bits |= bits >> 2
	}
	if d.Mode&bits == bits {
		return nil
	}
	if d.Type == image.File && d.Source != "" && !binary {
		why, err := o.gate.held(ctx, d.Source, d.source)
		if err != nil {
			return err
		}
		if why != "" {
			d.UID, d.GID, d.why = o.user.uid, 0, "it "+why+", which only the user may read"
			d.Mode |= 0o400
			return nil
		}
	}
	d.Mode |= bits
	d.why = "the user could not read it"
	return nil
}

// dropSetIDs drops the bits that start a program as its owner or group where
// that is not the one any more: they would stand for somebody else.
func dropSetIDs(d *draft) {
	kept := d.Mode
	if d.Source == "" || d.UID != d.source.UID {
		kept &^= fs.ModeSetuid
	}
	if d.Source == "" || d.GID != d.source.GID {
		kept &^= fs.ModeSetgid
	}
	if kept != d.Mode {
		d.modeWhy = fmt.Sprintf("its set-id bit stood for %d:%d, who it does not belong to any more", d.source.UID, d.source.GID)
		d.Mode = kept
	}
}

// startedBelow are the directories that programs and libraries lie in.
func startedBelow(files *drafts) map[string]bool {
	out := map[string]bool{}
	for _, d := range files.list {
		if !d.program && !d.library {
			continue
		}
		for dir := path.Dir(d.Path); dir != "/" && !out[dir]; dir = path.Dir(dir) {
			out[dir] = true
		}
	}
	return out
}

// openDirs tells which paths lie in a directory that is all the user's, or are
// among the hidden files and directories in its home, where programs keep what
// they write; those of SSH are not for a group.
func (o owner) openDirs(files *drafts) func(string) bool {
	dirs := map[string]bool{}
	for _, d := range files.list {
		if d.role == userTree {
			dirs[d.Path] = true
		}
	}
	known := map[string]bool{"/": false}
	var within func(dir string) bool
	within = func(dir string) bool {
		v, ok := known[dir]
		if !ok {
			v = dirs[dir] || within(path.Dir(dir))
			known[dir] = v
		}
		return v
	}
	return func(name string) bool {
		if rest, ok := strings.CutPrefix(name, o.home+"/"); ok && o.home != "" {
			if first, _, _ := strings.Cut(rest, "/"); strings.HasPrefix(first, ".") && first != ".ssh" {
				return true
			}
		}
		return dirs[name] || within(path.Dir(name))
	}
}

// systemDirs hold programs and libraries or the system's configuration
// (Filesystem Hierarchy Standard 3.0). They stay root's even where the
// Dockerfile works in them, since who may write there may replace what is run.
var systemDirs = []string{
	"/", "/bin", "/sbin", "/lib", "/lib64", "/dev", "/etc", "/proc", "/sys", "/usr", "/var",
	"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/share", "/usr/local", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/var/lib", "/var/log", "/var/cache",
}

func systemDir(name string) bool { return slices.Contains(systemDirs, name) }
