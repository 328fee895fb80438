//go:build !unix

package tree

import "io/fs"

// owner returns root: this system does not number its users.
func owner(fs.FileInfo) (uid, gid int) { return 0, 0 }

// LinkID returns "": hard links are not looked for on this system.
func LinkID(fs.FileInfo) string { return "" }
