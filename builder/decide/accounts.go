package decide

import (
	"context"
	"fmt"

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

// accountsOf reads passwd and group of a tree.
func accountsOf(ctx context.Context, t tree.Tree) (a accounts, err error) {
	if a.passwd, err = tree.ReadOptional(ctx, t, "/etc/passwd", maxAccounts); err != nil {
		return a, err
	}
	if a.group, err = tree.ReadOptional(ctx, t, "/etc/group", maxAccounts); err != nil {
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
