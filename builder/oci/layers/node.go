package layers

import (
	"io/fs"
	"path"
	"slices"
)

// A node is a file, whatever its names are. There are millions of them, so it
// holds no more than is asked for.
type node struct {
	mode       fs.FileMode
	uid, gid   uint32
	size       int64 // of a regular file
	at         int64 // where the content begins in the spool
	modTime    int64 // nanoseconds since 1970
	target     string
	capability []byte
	children   map[string]name // of a directory

	// since is the layer from which on a directory has nothing of lower
	// layers in it: it was made there, or hidden and made anew. way is the
	// last layer that has an entry below it.
	since, way int
}

// A name is an entry of a directory.
type name struct {
	node  *node
	layer int // the last layer that has an entry of its own for it, 0 for none
}

// newDir gives a directory of a layer.
func newDir(layer int) *node {
	return &node{mode: fs.ModeDir | 0o755, since: layer, way: layer, children: map[string]name{}}
}

// reset gives a directory the attributes of one that is made because an entry
// lies in it: root's, and of the group that Linux gives it in a directory with
// the setgid bit (inode(7)).
func (n *node) reset(parent *node) *node {
	n.mode, n.uid, n.gid, n.modTime, n.capability = fs.ModeDir|0o755, 0, 0, 0, nil
	if parent.mode&fs.ModeSetgid != 0 {
		n.gid = parent.gid
	}
	return n
}

// hideAll hides what lower layers hold in a directory. No directory is gone
// through twice for one layer.
func (n *node) hideAll(layer int) {
	if n.since == layer {
		return
	}
	n.since = layer
	for base := range n.children {
		n.hide(base, layer)
	}
}

// hide hides what lower layers hold at a name. What the layer itself holds
// there stays, and so do the directories that lead to it, without the
// attributes that lower layers gave them.
func (n *node) hide(base string, layer int) {
	c, ok := n.children[base]
	if !ok {
		return
	}
	own := c.layer == layer
	if c.node.mode.IsDir() {
		c.node.hideAll(layer)
		if !own && c.node.way == layer {
			c.node.reset(n)
			return
		}
	}
	if !own {
		delete(n.children, base)
	}
}

// links finds the files that have several names. Each gets the first of its
// paths, in the order in which a walk comes to them.
func links(root *node) map[*node]string {
	names := map[*node]int{}
	each(root, "/", func(_ string, n *node) { names[n]++ })
	out := map[*node]string{}
	each(root, "/", func(p string, n *node) {
		if _, ok := out[n]; !ok && names[n] > 1 {
			out[n] = p
		}
	})
	return out
}

// each calls f for every file below dir that is not a directory, in the order
// of names.
func each(dir *node, at string, f func(string, *node)) {
	bases := make([]string, 0, len(dir.children))
	for base := range dir.children {
		bases = append(bases, base)
	}
	slices.Sort(bases)
	for _, base := range bases {
		c := dir.children[base].node
		if c.mode.IsDir() {
			each(c, path.Join(at, base), f)
		} else {
			f(path.Join(at, base), c)
		}
	}
}
