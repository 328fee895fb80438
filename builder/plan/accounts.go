package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// maxAccounts is the largest account file that is read, in bytes.
const maxAccounts = 4 << 20

// accounts are the account files of a tree: as they stand, nil where there is
// none, and what can be read of them.
type accounts struct {
	passwd, group []byte
	users         []rootfs.User
	groups        []rootfs.Group
}

// accounts reads the tree's passwd and group.
func (m *maker) accounts(ctx context.Context) (accounts, error) { return accountsOf(ctx, m.t) }

func accountsOf(ctx context.Context, t tree.Tree) (a accounts, err error) {
	if a.passwd, err = optional(ctx, t, "/etc/passwd", maxAccounts); err != nil {
		return a, err
	}
	if a.group, err = optional(ctx, t, "/etc/group", maxAccounts); err != nil {
		return a, err
	}
	if a.users, err = rootfs.ParsePasswd(a.passwd); err != nil {
		return a, fmt.Errorf("reading /etc/passwd: %w", err)
	}
	if a.groups, err = rootfs.ParseGroup(a.group); err != nil {
		return a, fmt.Errorf("reading /etc/group: %w", err)
	}
	return a, nil
}

// optional reads a file that need not be there.
func optional(ctx context.Context, t tree.Tree, name string, limit int64) ([]byte, error) {
	data, err := tree.ReadFile(ctx, t, name, limit)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
		return nil, nil
	}
	return data, err
}

// addAccounts writes passwd and group: root, the image's user, and the
// accounts that the Dockerfile made. All of them stay where a program looks
// accounts up by name, and where the image runs as root, since what it starts
// may become any of them.
func (m *maker) addAccounts(ctx context.Context, reason string) error {
	users, groups, err := m.ownAccounts(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(users, func(u rootfs.User) bool { return u.UID == 0 }) {
		users = append([]rootfs.User{{Name: "root", Gecos: "root", Home: "/root", Shell: "/sbin/nologin"}}, users...)
	}
	if !slices.ContainsFunc(groups, func(g rootfs.Group) bool { return g.GID == 0 }) {
		groups = append([]rootfs.Group{{Name: "root"}}, groups...)
	}
	if !m.user.root {
		u := rootfs.User{Name: nonrootName, UID: m.user.uid, GID: m.user.gid, Gecos: nonrootName, Home: "/", Shell: "/sbin/nologin"}
		if m.user.account != nil {
			u = *m.user.account
			u.GID = m.user.gid
		}
		if u.Home, err = m.home(ctx, u); err != nil {
			return err
		}
		users = append(slices.DeleteFunc(users, func(x rootfs.User) bool { return x.Name == u.Name }), u)
		for _, g := range m.user.groups {
			if !slices.ContainsFunc(groups, func(x rootfs.Group) bool { return x.GID == g.GID }) {
				groups = append(groups, g)
			}
		}
	}
	if err := m.add(ctx, rootfs.File{Path: "/etc/passwd", Mode: 0o644, Data: rootfs.FormatPasswd(users), Reason: reason}); err != nil {
		return err
	}
	return m.add(ctx, rootfs.File{Path: "/etc/group", Mode: 0o644, Data: rootfs.FormatGroup(groups), Reason: reason})
}

// ownAccounts are the accounts of the tree that the base image has not, or all
// of them where any may be asked for.
func (m *maker) ownAccounts(ctx context.Context) ([]rootfs.User, []rootfs.Group, error) {
	mine, err := m.accounts(ctx)
	if err != nil || m.in.Base == nil || m.user.root || m.evidence.names != "" {
		return mine.users, mine.groups, err
	}
	theirs, err := accountsOf(ctx, m.in.Base)
	if err != nil {
		return nil, nil, err
	}
	users := slices.DeleteFunc(mine.users, func(u rootfs.User) bool { return slices.Contains(theirs.users, u) })
	groups := slices.DeleteFunc(mine.groups, func(g rootfs.Group) bool {
		return slices.ContainsFunc(theirs.groups, func(x rootfs.Group) bool { return x.Name == g.Name && x.GID == g.GID })
	})
	return users, groups, nil
}

// home makes the home of the user, tells its path where the Dockerfile does
// not, and gives the path that passwd names. A runtime finds it there for the
// user itself, but not for a number that a platform makes up.
func (m *maker) home(ctx context.Context, u rootfs.User) (string, error) {
	named := m.env("HOME")
	ours := m.user.uid != m.user.built.uid
	home := u.Home
	switch {
	case path.IsAbs(named):
		home = path.Clean(named)
	case ours:
		var err error
		if home, err = m.oldHome(ctx); err != nil {
			return "", err
		}
		if home == "" {
			home = nonrootHome
			if has, err := m.homely(ctx, u.Home); err != nil {
				return "", err
			} else if has {
				home = u.Home
			}
		}
	}
	fits, err := m.homely(ctx, home)
	if err != nil || !fits && named == "" {
		return u.Home, err
	}
	e, err := m.userDir(ctx, home, "home of the user")
	if err != nil || e == nil {
		return u.Home, err
	}
	e.asked = true
	if ours {
		m.homeDir = e.Path
	}
	if named == "" && m.asks != "" {
		m.config.Env = append(m.config.Env, "HOME="+home)
		m.change("environment", "HOME", "", home, "a user whose number a platform makes up has no other")
	}
	if ours {
		return home, nil
	}
	return u.Home, nil
}

// oldHome is the home of the built image's own user where kept files lie in
// it, "" otherwise.
func (m *maker) oldHome(ctx context.Context) (string, error) {
	home := "/root"
	if a := m.user.built.account; a != nil && a.Home != "" {
		home = a.Home
	}
	if !path.IsAbs(home) {
		return "", nil
	}
	res, err := tree.Resolve(ctx, m.t, home)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
		return "", nil
	}
	if err != nil || !res.Entry.IsDir() || res.Path == "/" || systemDir(res.Path) || !m.holds(res.Path) {
		return "", err
	}
	return path.Clean(home), nil
}

// homely reports whether a directory can be the user's home. One that holds
// the system's own files, as /usr/sbin of the user daemon, stays as it is, and
// one that is not there is made below /home only: /nonexistent means what it
// says.
func (m *maker) homely(ctx context.Context, home string) (bool, error) {
	if !path.IsAbs(home) {
		return false, nil
	}
	res, err := tree.Resolve(ctx, m.t, home)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return strings.HasPrefix(path.Clean(home), "/home/"), nil
	case errors.Is(err, tree.ErrLoop):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for the user's home: %w", err)
	}
	return res.Entry.IsDir() && !systemDir(res.Path), nil
}
