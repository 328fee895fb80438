package decide

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/user"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
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

// identified is what phase 4 gives.
type identified struct {
	user identity
	spec string // USER of the image
	notes
}

// identify is phase 4: it chooses the user of the image, in numbers.
func identify(ctx context.Context, in Input, facts *need.Set) (identified, error) {
	spec, option, needRoot := in.Config.User, in.Options.User, facts.Reason(need.Root)
	out := identified{spec: spec}
	known, err := accountsOf(ctx, in.Tree)
	if err != nil {
		return out, err
	}
	built, err := lookupUser(spec, known)
	if err != nil {
		return out, &image.RefusedError{Instruction: "USER", Message: err.Error(), Hint: "make the user in the final stage, or write its number"}
	}
	chosen := built
	switch {
	case option == "keep":
	case option != "":
		if chosen, err = lookupUser(option, known); err != nil {
			return out, &image.RefusedError{Message: "user: " + err.Error(), Hint: "write UID:GID"}
		}
	case built.root && needRoot != "":
		out.warnings = append(out.warnings, image.NewWarning("USER", needRoot+", which needs root, so the image runs as root", "start as the right user instead, or set user: to drop root all the same"))
	case built.root:
		chosen = identity{uid: nonrootID, gid: nonrootID, account: &rootfs.User{Name: nonrootName, UID: nonrootID, GID: nonrootID, Gecos: nonrootName, Home: nonrootHome, Shell: "/sbin/nologin"}, groups: []rootfs.Group{{Name: nonrootName, GID: nonrootID}}}
	}
	chosen.built = &built
	out.user = chosen
	if chosen.root && spec == "" {
		return out, nil
	}
	out.spec = fmt.Sprintf("%d:%d", chosen.uid, chosen.gid)
	if spec != out.spec {
		why := "numbers can be checked before the container starts"
		if built.root && !chosen.root {
			why = "containers should not run as root"
		}
		out.changes = append(out.changes, image.Change{Kind: "user", Name: "USER", From: orElse(spec, "root"), To: out.spec, Why: why})
	}
	if n := len(chosen.member); n > 0 {
		who := spec
		if chosen.account != nil {
			who = orElse(chosen.account.Name, spec)
		}
		out.warnings = append(out.warnings, image.NewWarning("USER", fmt.Sprintf("%s is a member of %d more groups, which a number does not bring along", who, n), "name them where the container is started"))
	}
	return out, nil
}

// lookupUser resolves the value of USER as the runtimes do: user, uid,
// user:group, uid:gid, uid:group, user:gid. Only root need not have a line.
func lookupUser(spec string, known accounts) (identity, error) {
	name, group, _ := strings.Cut(spec, ":")
	found, err := user.GetExecUser(spec, nil, reader(known.passwd), reader(known.group))
	if err != nil && (name == "" || name == "root") {
		found, err = user.GetExecUser("0:"+group, nil, nil, reader(known.group))
	}
	switch {
	case errors.Is(err, user.ErrNoPasswdEntries):
		return identity{}, fmt.Errorf("the user %s is not in /etc/passwd", name)
	case errors.Is(err, user.ErrNoGroupEntries):
		return identity{}, fmt.Errorf("the group %s is not in /etc/group", group)
	case err != nil:
		return identity{}, fmt.Errorf("looking up %s: %w", spec, err)
	}
	id := identity{uid: found.Uid, gid: found.Gid, root: found.Uid == 0}
	_, failed := strconv.Atoi(name)
	numeric := name == "" || failed == nil
	i := slices.IndexFunc(known.users, func(u rootfs.User) bool { return u.UID == id.uid && (numeric || u.Name == name) })
	switch {
	case i >= 0:
		u := known.users[i]
		id.account = &u
	case !numeric && name != "root": // a line that only the runtimes can read
		id.account = &rootfs.User{Name: name, UID: id.uid, GID: id.gid, Home: found.Home}
	}
	for _, g := range known.groups {
		if g.GID == id.gid {
			id.groups = append(id.groups, rootfs.Group{Name: g.Name, GID: g.GID})
		}
	}
	id.member = slices.DeleteFunc(found.Sgids, func(gid int) bool { return gid == id.gid })
	return id, nil
}

// reader gives the content of a file, nil for one that is not there.
func reader(data []byte) io.Reader {
	if data == nil {
		return nil
	}
	return bytes.NewReader(data)
}
