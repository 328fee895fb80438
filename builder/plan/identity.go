package plan

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/builder/rootfs"
)

// The user of an image whose Dockerfile names none, as distroless has it. It
// is written in numbers because Kubernetes' runAsNonRoot cannot check a name.
const (
	nonrootID   = 65532
	nonrootName = "nonroot"
	nonrootHome = "/home/nonroot"
)

// identity is who the image runs as.
type identity struct {
	uid, gid int
	account  *rootfs.User // entry in the tree's passwd, nil when there is none
	groups   []rootfs.Group
	member   []int // further groups that list the user
	root     bool
	built    *identity // the built image's own user
}

// identities chooses the user and rewrites USER in numbers.
func (m *maker) identities(ctx context.Context) error {
	users, groups, err := m.accounts(ctx)
	if err != nil {
		return err
	}
	built, err := lookupUser(m.in.Config.User, users, groups)
	if err != nil {
		return &RefusedError{Instruction: "USER", Message: err.Error(), Hint: "make the user in the final stage, or write its number"}
	}
	chosen := built
	switch {
	case m.opts.User == "keep":
	case m.opts.User != "":
		if chosen, err = lookupUser(m.opts.User, users, groups); err != nil {
			return &RefusedError{Message: "user: " + err.Error(), Hint: "write UID:GID"}
		}
	case built.root && m.needRoot != "":
		m.warn("USER", m.needRoot+", which needs root, so the image runs as root", "start as the right user instead, or set user: to drop root all the same")
	case built.root:
		chosen = identity{uid: nonrootID, gid: nonrootID, account: &rootfs.User{Name: nonrootName, UID: nonrootID, GID: nonrootID, Gecos: nonrootName, Home: nonrootHome, Shell: "/sbin/nologin"}, groups: []rootfs.Group{{Name: nonrootName, GID: nonrootID}}}
	}
	chosen.built = &built
	m.user = chosen
	from, to := m.in.Config.User, fmt.Sprintf("%d:%d", chosen.uid, chosen.gid)
	if chosen.root && from == "" {
		return nil
	}
	m.config.User = to
	if from != to {
		why := "numbers can be checked before the container starts"
		if built.root && !chosen.root {
			why = "containers should not run as root"
		}
		m.change("user", "USER", orDefault(from, "root"), to, why)
	}
	if n := len(chosen.member); n > 0 {
		m.warn("USER", fmt.Sprintf("%s is a member of %d more groups, which a number does not bring along", orDefault(chosen.account.Name, from), n), "name them where the container is started")
	}
	return nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// lookupUser resolves the value of USER as the OCI image specification and
// Docker do: user, uid, user:group, uid:gid, uid:group, user:gid.
func lookupUser(spec string, users []rootfs.User, groups []rootfs.Group) (identity, error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	if name == "" {
		name = "0"
	}
	id := identity{}
	uid, numeric := number(name)
	i := slices.IndexFunc(users, func(u rootfs.User) bool { return u.Name == name || numeric && u.UID == uid })
	switch {
	case i >= 0:
		u := users[i]
		id.uid, id.gid, id.account = u.UID, u.GID, &u
	case numeric:
		id.uid = uid
	case name == "root":
	default:
		return id, fmt.Errorf("the user %s is not in /etc/passwd", name)
	}
	if hasGroup && group != "" {
		gid, numeric := number(group)
		j := slices.IndexFunc(groups, func(g rootfs.Group) bool { return g.Name == group || numeric && g.GID == gid })
		switch {
		case j >= 0:
			id.gid = groups[j].GID
		case numeric:
			id.gid = gid
		default:
			return id, fmt.Errorf("the group %s is not in /etc/group", group)
		}
	}
	for _, g := range groups {
		if g.GID == id.gid {
			id.groups = append(id.groups, rootfs.Group{Name: g.Name, GID: g.GID})
		}
	}
	if id.account != nil {
		for _, g := range groups {
			if g.GID != id.gid && slices.Contains(g.Members, id.account.Name) {
				id.member = append(id.member, g.GID)
			}
		}
	}
	id.root = id.uid == 0
	return id, nil
}

func number(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}
