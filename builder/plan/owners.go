package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

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
// its user stays the user's, what only its owner could use becomes the user's
// as it is, everything else belongs to root. Where the image runs as root,
// what it starts may be anyone, so owners stay.
func (m *maker) owners(context.Context) error {
	started := m.startedBelow()
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[name]
		switch {
		case e.Type == Symlink:
			e.UID, e.GID = 0, 0
		case e.program || e.library:
			e.UID, e.GID, e.why = 0, 0, "a program is root's and not writable"
			e.Mode &^= 0o022
		case m.user.root:
		case m.private(e, started[name]):
			m.hand(e)
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

// private reports whether a file or directory is of use to its owner alone,
// and stays so: programs such as sshd and PostgreSQL refuse keys and data that
// anybody else may read. Directories that the image's user has to get into
// whatever its number are not: those that writable: names, the home, and, where
// no named user kept them to itself, WORKDIR, VOLUMEs and what programs lie in.
func (m *maker) private(e *Entry, started bool) bool {
	switch {
	case e.Source == "" || !ownersOnly(e.sourceMode) || systemDir(e.Path):
		return false
	case e.Type != Dir:
		return true
	case e.asked:
		return false
	case e.sourceUID != 0 && e.sourceUID == m.user.uid:
		return true
	}
	return !started && (!e.users || e.open)
}

// hand makes the user the owner of what only its owner may use. Where it
// already is, nothing changes but what the owner itself could not do.
func (m *maker) hand(e *Entry) {
	need := fs.FileMode(0o400)
	if e.Type == Dir {
		need = 0o500
	}
	if e.UID != m.user.uid {
		e.UID, e.GID, e.why = m.user.uid, 0, "only its owner may use it, so it is the user's"
	}
	if e.Mode&need != need {
		e.Mode |= need
		e.modeWhy = "the user could not read it"
	}
}

// startedBelow are the directories that programs and libraries lie in.
func (m *maker) startedBelow() map[string]bool {
	out := map[string]bool{}
	for name, e := range m.entries {
		if !e.program && !e.library {
			continue
		}
		for dir := path.Dir(name); dir != "/" && !out[dir]; dir = path.Dir(dir) {
			out[dir] = true
		}
	}
	return out
}

// open reports whether a path lies in a directory that is all the user's, or
// is one of the hidden files and directories in its home, where programs keep
// what they write; those of SSH are not for a group.
func (m *maker) open(name string) bool {
	if rest, ok := strings.CutPrefix(name, m.homeDir+"/"); ok && m.homeDir != "" {
		if first, _, _ := strings.Cut(rest, "/"); strings.HasPrefix(first, ".") && first != ".ssh" {
			return true
		}
	}
	for dir := name; dir != "/"; dir = path.Dir(dir) {
		if e, ok := m.entries[dir]; ok && e.open {
			return true
		}
	}
	return false
}

// give makes an entry the user's, with the group's bits equal to the owner's
// and group 0, so that any uid can use it where a platform assigns one, as
// OpenShift does. A sticky directory is everybody's already, and a file that
// its owner may only read stays one unless all in its directory is the user's.
func (m *maker) give(e *Entry) {
	if e.Mode&fs.ModeSticky != 0 && e.Mode&0o002 != 0 {
		e.UID, e.GID = 0, 0
		return
	}
	e.why = "the user writes to it, as does any uid of group 0"
	e.UID, e.GID = m.user.uid, 0
	switch {
	case e.Type == Dir:
		e.Mode |= 0o700
	case m.open(e.Path):
		e.Mode |= 0o600
	default:
		e.Mode |= 0o400
	}
	e.Mode = groupAsOwner(e.Mode)
}

// readable adds the bits without which the user could not read a file, run a
// program or enter a directory. A credential is not opened to everyone: it
// becomes the user's.
func (m *maker) readable(ctx context.Context) error {
	if m.user.root {
		return nil
	}
	started := m.startedBelow()
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[name]
		if e.Type == Symlink || !e.program && !e.library && m.private(e, started[name]) {
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
		if e.Type == File && e.Source != "" && !e.program && !e.library {
			why, err := m.held(ctx, e.Source, tree.Entry{Mode: e.sourceMode, Size: e.Size})
			if err != nil {
				return err
			}
			if why != "" {
				e.UID, e.GID, e.why = m.user.uid, 0, "it "+why+", which only the user may read"
				e.Mode |= 0o400
				continue
			}
		}
		e.Mode |= need
		e.why = "the user could not read it"
	}
	return nil
}

// setIDs drops the bits that start a program as its owner or group where that
// is not the one any more: they would stand for somebody else.
func (m *maker) setIDs(context.Context) error {
	for _, e := range m.entries {
		kept := e.Mode
		if e.Source == "" || e.UID != e.sourceUID {
			kept &^= fs.ModeSetuid
		}
		if e.Source == "" || e.GID != e.sourceGID {
			kept &^= fs.ModeSetgid
		}
		if kept != e.Mode {
			e.modeWhy = fmt.Sprintf("its set-id bit stood for %d:%d, who it does not belong to any more", e.sourceUID, e.sourceGID)
			e.Mode = kept
		}
	}
	return nil
}

// groupAsOwner copies the owner's permission bits to the group.
func groupAsOwner(mode fs.FileMode) fs.FileMode {
	return mode&^0o070 | mode&0o700>>3
}
