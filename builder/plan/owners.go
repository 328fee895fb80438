package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/whittle-oci/whittle/builder/tree"
)

// parents adds the directories that entries lie in, as the tree has them.
func (m *maker) parents(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if _, ok := m.entries[dir]; ok {
				continue
			}
			e, err := m.t.Lstat(ctx, dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err == nil && e.IsDir() {
				m.place(dir, e, "holds "+name)
				continue
			}
			m.put(&Entry{Path: dir, Type: Dir, Mode: 0o755, Reason: "holds " + name})
		}
	}
	return nil
}

// owners gives every file the owner it has in the image: programs and
// libraries belong to root and are not writable, what the Dockerfile gave to
// its user stays the user's, everything else belongs to root. Where the image
// runs as root, what it starts may be anyone, so owners stay.
func (m *maker) owners(context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[name]
		switch {
		case e.Type == Symlink:
			e.UID, e.GID = 0, 0
		case e.program || e.library:
			e.UID, e.GID, e.why = 0, 0, "a program is root's and not writable"
			e.Mode &^= 0o022
		case m.user.root:
		case e.users || m.open(name) || e.Source != "" && m.users(e):
			m.give(e)
		case e.Source != "":
			if e.GID != 0 {
				e.Mode &^= 0o020 | fs.ModeSetgid
			}
			if e.UID != 0 || e.GID != 0 {
				e.UID, e.GID, e.why = 0, 0, "it is not the user's"
			}
		}
	}
	return nil
}

// users reports whether the Dockerfile let its user write to a file.
func (m *maker) users(e *Entry) bool {
	built := m.user.built
	switch {
	case systemDir(e.Path):
		return false
	case e.UID != 0 && e.UID == built.uid, m.opts.User != "" && e.UID != 0 && e.UID == m.user.uid:
		return true
	case e.Mode&0o002 != 0:
		return true
	}
	return e.Mode&0o020 != 0 && e.GID != 0 && !built.root && (e.GID == built.gid || slices.Contains(m.user.member, e.GID))
}

// open reports whether a path lies in a directory that is all the user's.
func (m *maker) open(name string) bool {
	for dir := name; dir != "/"; dir = path.Dir(dir) {
		if e, ok := m.entries[dir]; ok && e.open {
			return true
		}
	}
	return false
}

// give makes an entry the user's, with the group's bits equal to the owner's
// and group 0, so that any uid can use it where a platform assigns one, as
// OpenShift does. A sticky directory is everybody's already.
func (m *maker) give(e *Entry) {
	if e.Mode&fs.ModeSticky != 0 && e.Mode&0o002 != 0 {
		e.UID, e.GID = 0, 0
		return
	}
	e.why = "the user writes to it, as does any uid of group 0"
	e.UID, e.GID = m.user.uid, 0
	e.Mode |= 0o600
	if e.Type == Dir {
		e.Mode |= 0o100
	}
	e.Mode = groupAsOwner(e.Mode)
}

// readable adds the bits without which the user could not read a file, run a
// program or enter a directory. A secret is not opened to everyone.
func (m *maker) readable(ctx context.Context) error {
	if m.user.root {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[name]
		if e.Type == Symlink {
			continue
		}
		need := fs.FileMode(0o044)
		if e.UID == m.user.uid && m.user.uid != 0 {
			need = 0o440
		}
		if e.Type == Dir || e.program || e.Mode&0o100 != 0 {
			need |= need >> 2
		}
		if e.Mode&need == need {
			continue
		}
		if e.Type == File && e.Source != "" {
			why, err := m.secret(ctx, e.Source, tree.Entry{Size: e.Size})
			if err != nil {
				return err
			}
			if why != "" {
				return &RefusedError{Instruction: "COPY", Message: fmt.Sprintf("%s %s with mode %s, which the image's user could not read", name, why, octal(e.sourceMode)), Hint: "mount it as a secret at run time"}
			}
		}
		e.Mode |= need
		e.why = "the user could not read it"
	}
	return nil
}

// groupAsOwner copies the owner's permission bits to the group.
func groupAsOwner(mode fs.FileMode) fs.FileMode {
	return mode&^0o070 | mode&0o700>>3
}
