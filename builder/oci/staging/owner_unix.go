//go:build unix

package staging

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner that it had before it was replaced. Only root
// may do so for others' files; for everyone else the file is their own.
func keepOwner(name string, before fs.FileInfo) {
	if st, ok := before.Sys().(*syscall.Stat_t); ok {
		_ = os.Lchown(name, int(st.Uid), int(st.Gid))
	}
}
