package decide

import (
	"io/fs"

	"github.com/whittle-oci/whittle/builder/image"
)

// hardLinks makes files that are one in the tree one in the image. Where their
// owners or modes differ, as those of a program's do from a name of it that is
// data, they become files of their own: a file has one of each.
func hardLinks(files *drafts) {
	type file struct {
		id       string
		uid, gid int
		mode     fs.FileMode
	}
	first := map[file]string{}
	for _, d := range files.entries() {
		if d.Type != image.File || d.source.LinkID == "" || d.Source != d.Path {
			continue
		}
		f := file{d.source.LinkID, d.UID, d.GID, d.Mode}
		if first[f] == "" {
			first[f] = d.Path
			continue
		}
		d.Hardlink, d.Size = first[f], 0
	}
}
