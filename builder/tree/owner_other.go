//go:build !unix

package tree

import "io/fs"

// owner returns root: this system does not number its users.
func owner(fs.FileInfo) (uid, gid int) { return 0, 0 }
