// Package rootfs makes the few files that a minimal image may need and no
// program carries with it: accounts, name service order, root certificates,
// time zones.
//
// Everything here is plain data and deterministic: the same version of this
// package gives the same bytes. Modes are permission bits as in the image,
// owners are numbers, paths are absolute.
package rootfs

import "io/fs"

// A File is one generated file or directory.
type File struct {
	Path string
	// Mode holds the permission bits, and fs.ModeDir for a directory.
	Mode     fs.FileMode
	UID, GID int
	Data     []byte // content of a regular file
	Reason   string // why the image needs it, in words
}

// Nsswitch returns an nsswitch.conf(5) that reads accounts from files and asks
// the hosts file before DNS. glibc before 2.34 asks DNS first without it.
func Nsswitch() []byte {
	return []byte("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n")
}
