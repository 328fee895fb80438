package plan

import (
	"context"
	"io/fs"
	"path"

	"github.com/whittle-oci/whittle/builder/tree"
)

// link puts the symbolic link at the real path name into the plan.
func (m *maker) link(ctx context.Context, name, reason string) error {
	if _, ok := m.entries[name]; ok {
		return nil
	}
	e, err := m.t.Lstat(ctx, name)
	if err != nil {
		return err
	}
	m.put(&Entry{Path: name, Type: Symlink, Mode: 0o777, Source: name, Linkname: e.Linkname, Reason: reason})
	return nil
}

// put adds an entry, which nothing else has the path of.
func (m *maker) put(e *Entry) {
	m.entries[e.Path] = e
	for dir := path.Dir(e.Path); dir != "/" && !m.occupied[dir]; dir = path.Dir(dir) {
		m.occupied[dir] = true
	}
	if m.inShell > 0 && e.Type == File {
		m.forShell = append(m.forShell, e.Path)
	}
}

// holds reports whether anything below dir is carried.
func (m *maker) holds(dir string) bool { return m.occupied[dir] }

// carry puts the file that name leads to into the plan, with the links on the
// way, and returns where it really is.
func (m *maker) carry(ctx context.Context, name, reason string) (tree.Resolved, *Entry, error) {
	res, err := tree.Resolve(ctx, m.t, name)
	if err != nil {
		return res, nil, err
	}
	for _, l := range res.Links {
		if err := m.link(ctx, l, reason); err != nil {
			return res, nil, err
		}
	}
	return res, m.place(res.Path, res.Entry, reason), nil
}

// place puts the regular file or directory at the real path name into the
// plan. An entry that is there keeps its reason.
func (m *maker) place(name string, e tree.Entry, reason string) *Entry {
	if have, ok := m.entries[name]; ok {
		return have
	}
	out := &Entry{
		Path: name, Type: File, Source: name, Mode: permissions(e.Mode), UID: e.UID, GID: e.GID, Size: e.Size, Reason: reason,
		sourceMode: permissions(e.Mode), sourceUID: e.UID, sourceGID: e.GID,
	}
	switch {
	case e.IsDir():
		out.Type, out.Size = Dir, 0
	case e.IsSymlink():
		out.Type, out.Size, out.Mode, out.Linkname = Symlink, 0, 0o777, e.Linkname
	}
	m.put(out)
	return out
}

func permissions(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}
