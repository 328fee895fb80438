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

// userDir puts a directory that the user may write to into the plan. It
// belongs to the user with the group's bits equal to the owner's and group 0,
// so that any uid can use it where a platform assigns one, as OpenShift does.
func (m *maker) userDir(name, reason string) {
	name = path.Clean("/" + name)
	if name == "/" {
		return
	}
	e, ok := m.entries[name]
	if !ok {
		e = &Entry{Path: name, Type: Dir, Mode: 0o755, Reason: reason}
		m.entries[name] = e
	}
	if e.Type != Dir {
		return
	}
	e.UID, e.GID = m.user.uid, 0
	e.Mode = groupAsOwner(e.Mode | 0o700)
}

// groupAsOwner copies the owner's permission bits to the group.
func groupAsOwner(mode fs.FileMode) fs.FileMode {
	return mode&^0o070 | mode&0o700>>3
}

// owners gives every file the owner it has in the image: programs and
// libraries belong to root and are not writable, what the Dockerfile gave to
// its user stays the user's, everything else belongs to root.
func (m *maker) owners(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[name]
		if e.Source == "" {
			continue
		}
		theirs := e.UID != 0 && e.UID == m.user.built || m.opts.User != "" && e.UID == m.user.uid && e.UID != 0
		switch {
		case e.Type == Symlink:
			e.UID, e.GID = 0, 0
		case e.program || e.library:
			e.UID, e.GID = 0, 0
			e.Mode &^= 0o022
		case theirs:
			e.UID, e.GID = m.user.uid, 0
			e.Mode = groupAsOwner(e.Mode)
		case e.Mode&0o002 != 0 && e.Type == Dir:
			// chmod 777 meant: the program writes here.
			e.UID, e.GID = m.user.uid, 0
			e.Mode = groupAsOwner(e.Mode)
		default:
			e.UID, e.GID = 0, 0
		}
	}
	for _, v := range slices.Sorted(maps.Keys(m.config.Volumes)) {
		m.userDir(v, "VOLUME")
	}
	for _, dir := range m.dataDirs {
		m.userDir(dir, "the program's package keeps data there")
	}
	for _, w := range m.opts.Writable {
		if err := m.writable(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// writable gives a directory and the data files carried in it to the user.
func (m *maker) writable(ctx context.Context, name string) error {
	name = path.Clean("/" + name)
	res, err := tree.Resolve(ctx, m.t, name)
	if err == nil {
		name = res.Path
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writable: %w", err)
	}
	m.userDir(name, "writable:")
	for p, e := range m.entries {
		if strings.HasPrefix(p, name+"/") && e.Type != Symlink && !e.program && !e.library {
			e.UID, e.GID, e.Mode = m.user.uid, 0, groupAsOwner(e.Mode|0o600)
		}
	}
	return nil
}

// workdir makes the working directory, which belongs to the user.
func (m *maker) workdir(context.Context) error {
	if m.config.WorkingDir == "" || path.Clean(m.config.WorkingDir) == "/" {
		return nil
	}
	// The directory may be reached through links, as /app -> /srv/app.
	name := path.Clean(m.config.WorkingDir)
	if e, ok := m.entries[name]; ok && e.Type == Symlink {
		return nil
	}
	m.userDir(name, "WORKDIR")
	return nil
}

// readable adds the bits without which the user could not read a file, run a
// program or enter a directory.
func (m *maker) readable() {
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
		if m.user.root {
			need = 0
		}
		if e.Mode&need == need {
			continue
		}
		from := octal(e.Mode)
		e.Mode |= need
		if e.Source != "" {
			m.change("mode", name, from, octal(e.Mode), "the user could not read it")
		}
	}
}
