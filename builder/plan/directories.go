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

// systemDirs hold programs and libraries or the system's configuration. They
// stay root's even where the Dockerfile works in them, since who may write
// there may replace what is run.
var systemDirs = []string{
	"/", "/bin", "/sbin", "/lib", "/lib64", "/dev", "/etc", "/proc", "/sys", "/usr", "/var",
	"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/share", "/usr/local", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/var/lib", "/var/log", "/var/cache",
}

func systemDir(name string) bool { return slices.Contains(systemDirs, name) }

// userDirs makes the directories that belong to the image's user whatever is
// in them: WORKDIR, VOLUMEs, what writable: names, and where a packaged
// program keeps its state.
func (m *maker) userDirs(ctx context.Context) error {
	for _, v := range slices.Sorted(maps.Keys(m.config.Volumes)) {
		if _, err := m.userDir(ctx, v, "VOLUME"); err != nil {
			return err
		}
	}
	if wd := m.config.WorkingDir; wd != "" {
		if _, err := m.userDir(ctx, wd, "WORKDIR"); err != nil {
			return err
		}
	}
	if h := m.env("HOME"); path.IsAbs(h) && !m.user.root {
		if has, err := m.homely(ctx, h); err != nil {
			return err
		} else if has {
			e, err := m.userDir(ctx, h, "HOME")
			if err != nil {
				return err
			}
			if e != nil {
				e.asked = true
			}
		}
	}
	for _, dir := range m.states {
		if _, err := m.openDir(ctx, dir, "the program's package keeps data there"); err != nil {
			return err
		}
	}
	for _, w := range m.opts.Writable {
		e, err := m.openDir(ctx, w, "writable:")
		if err != nil {
			return err
		}
		if e != nil {
			e.asked = true
		}
	}
	return nil
}

// openDir makes a directory that belongs to the user with all that is in it.
// The result is nil where there can be none.
func (m *maker) openDir(ctx context.Context, name, reason string) (*Entry, error) {
	e, err := m.directory(ctx, name, reason)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reason, err)
	}
	if e != nil {
		e.users, e.open = true, true
	}
	return e, nil
}

// userDir makes a directory that belongs to the user. The result is nil where
// there can be none.
func (m *maker) userDir(ctx context.Context, name, reason string) (*Entry, error) {
	e, err := m.directory(ctx, name, reason)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reason, err)
	}
	if e == nil || systemDir(e.Path) {
		return nil, nil
	}
	e.users = true
	return e, nil
}

// directory puts the directory that name leads to into the plan, with the
// links on the way, and makes it where the tree has none. The result is nil
// for the root and for what is no directory.
func (m *maker) directory(ctx context.Context, name, reason string) (*Entry, error) {
	real, err := m.real(ctx, name, reason)
	if err != nil || real == "/" {
		return nil, err
	}
	if e, ok := m.entries[real]; ok {
		if e.Type != Dir {
			return nil, nil
		}
		return e, nil
	}
	e, err := m.t.Lstat(ctx, real)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil && e.IsDir() {
		return m.place(real, e, reason), nil
	}
	made := &Entry{Path: real, Type: Dir, Mode: 0o755, Reason: reason}
	m.put(made)
	return made, nil
}

// real gives the path that name has when the links of the tree are followed,
// though its end need not be there, and carries those links.
func (m *maker) real(ctx context.Context, name, reason string) (string, error) {
	name = path.Clean("/" + name)
	rest := ""
	for dir := name; ; rest, dir = path.Join(path.Base(dir), rest), path.Dir(dir) {
		res, err := tree.Resolve(ctx, m.t, dir)
		if errors.Is(err, tree.ErrLoop) {
			return name, nil
		}
		if errors.Is(err, fs.ErrNotExist) && dir != "/" {
			continue
		}
		if err != nil && dir != "/" {
			return "", err
		}
		for _, l := range res.Links {
			if err := m.link(ctx, l, reason); err != nil {
				return "", err
			}
		}
		return path.Join("/", res.Path, rest), nil
	}
}
