//go:build unix

package tree

import (
	"fmt"
	"io/fs"
	"syscall"
)

// owner gives the uid and gid of a file.
func owner(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return 0, 0
}

// LinkID gives the LinkID of a file of this machine, of its device and inode:
// "" for one that has a single name.
func LinkID(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Nlink < 2 || info.IsDir() {
		return ""
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
