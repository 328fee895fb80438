//go:build unix

package tree

import (
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
