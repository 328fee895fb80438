package layers

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"
	"time"

	"github.com/whittle-oci/whittle/builder/tree"
)

// Whiteouts, as the OCI image specification's layer.md defines them.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// What Linux takes, in bytes (limits.h).
const (
	maxName   = 255
	maxPath   = 4096
	maxTarget = maxPath - 1
)

// maxFollow is how many links one path may lead through, as in containerd
// (continuity's fs.RootPath).
const maxFollow = 255

// capability is the one extended attribute that is kept: no other goes into
// images, and those of a machine's security modules belong to it. Its value has
// 20 or 24 bytes (capabilities(7)).
const (
	capability    = "security.capability"
	maxCapability = 64
	xattrRecord   = "SCHILY.xattr." // of a PAX header
)

// An applier applies one layer after the other to a root.
type applier struct {
	contents contents
	root     *node
	layer    int    // the number of the layer, from 1
	limits   Limits // as they were given
	left     Limits // what is left of them; Bytes counts contents
	read     int64  // bytes of uncompressed layers so far
	see      func(File)
}

// entries applies the entries of a layer in the order in which they stand.
func (a *applier) entries(ctx context.Context, r io.Reader) error {
	tr := tar.NewReader(r)
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && first && errors.Is(err, tar.ErrHeader) {
			return fmt.Errorf("it does not begin as a tar archive, plain or compressed with gzip or zstd: %w", err)
		}
		if err != nil {
			return fmt.Errorf("reading the tar archive: %w", err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := a.entry(h, tr); err != nil {
			return fmt.Errorf("%q: %w", abbreviated(h.Name), err)
		}
	}
}

// abbreviated keeps a name that is a message's subject from filling it.
func abbreviated(name string) string {
	if len(name) > maxName {
		return name[:maxName] + "…"
	}
	return name
}

// entry applies one entry.
func (a *applier) entry(h *tar.Header, r io.Reader) error {
	if err := a.spend(1, len(h.Name)+len(h.Linkname)); err != nil {
		return err
	}
	dir, base := path.Split(path.Clean(h.Name))
	if base == "" || base == "." || base == ".." {
		return nil // the root, which is not a layer's to change
	}
	parent, length, err := a.parent(dir)
	if err != nil {
		return err
	}
	if len(base) > maxName || length+len(base) > maxPath {
		return fmt.Errorf("the name is too long: Linux takes %d bytes, and %d for a path", maxName, maxPath)
	}
	if base == opaque {
		parent.hideAll(a.layer)
		return nil
	}
	if hidden, ok := strings.CutPrefix(base, whiteout); ok {
		if hidden == "" || hidden == "." || hidden == ".." {
			return errors.New("it is a whiteout of nothing")
		}
		parent.hide(hidden, a.layer)
		return nil
	}
	return a.put(parent, base, h, r)
}

// put adds what an entry holds under a name and replaces what is there. Only
// directories are merged.
func (a *applier) put(parent *node, base string, h *tar.Header, r io.Reader) error {
	have := parent.children[base].node
	if h.Typeflag != tar.TypeDir || have != nil && !have.mode.IsDir() {
		delete(parent.children, base)
		have = nil
	}
	n, err := a.made(have, h)
	if err != nil {
		return err
	}
	if err := attributes(n, h); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeReg {
		if err := a.content(n, h.Size, r); err != nil {
			return err
		}
		if a.see != nil {
			a.see(File{a.layer, path.Join("/", h.Name), n.size, io.NewSectionReader(&a.contents, n.at, n.size)})
		}
	}
	parent.children[strings.Clone(base)] = name{n, a.layer}
	return nil
}

// made gives the node that an entry is about, which is have where a directory
// is there already.
func (a *applier) made(have *node, h *tar.Header) (*node, error) {
	switch h.Typeflag {
	case tar.TypeDir:
		if have != nil {
			return have, nil
		}
		return newDir(a.layer), nil
	case tar.TypeReg:
		return &node{}, nil
	case tar.TypeLink:
		return a.linked(h.Linkname)
	case tar.TypeSymlink:
		if len(h.Linkname) > maxTarget {
			return nil, fmt.Errorf("the target of the link is too long: Linux takes %d bytes", maxTarget)
		}
		return &node{mode: fs.ModeSymlink | 0o777, target: strings.Clone(h.Linkname)}, nil
	case tar.TypeChar:
		return &node{mode: fs.ModeDevice | fs.ModeCharDevice}, nil
	case tar.TypeBlock:
		return &node{mode: fs.ModeDevice}, nil
	case tar.TypeFifo:
		return &node{mode: fs.ModeNamedPipe}, nil
	}
	return nil, fmt.Errorf("entries of type %q are not known", h.Typeflag)
}

// linked finds the file that a hard link is a further name of. Where the last
// component is a symbolic link, that is the file.
func (a *applier) linked(target string) (*node, error) {
	dir, base := path.Split(target)
	if base == "." || base == ".." || base == "" {
		return nil, fmt.Errorf("it is a hard link to a directory, %q", abbreviated(target))
	}
	parent, err := a.find(path.Clean(dir))
	if err != nil {
		return nil, fmt.Errorf("it is a hard link to %q: %w", abbreviated(target), err)
	}
	n := parent.children[base].node
	switch {
	case n == nil:
		return nil, fmt.Errorf("it is a hard link to %q, which is not there", abbreviated(target))
	case n.mode.IsDir():
		return nil, fmt.Errorf("it is a hard link to a directory, %q", abbreviated(target))
	}
	return n, nil
}

// attributes gives a node those of an entry's header.
func attributes(n *node, h *tar.Header) error {
	if h.Uid < 0 || int64(h.Uid) >= math.MaxUint32 || h.Gid < 0 || int64(h.Gid) >= math.MaxUint32 {
		return fmt.Errorf("no file can belong to %d:%d", h.Uid, h.Gid)
	}
	n.uid, n.gid, n.modTime = uint32(h.Uid), uint32(h.Gid), nanoseconds(h.ModTime) //nolint:gosec // in range
	if n.mode&fs.ModeSymlink != 0 {
		return nil
	}
	// The header's mode may have bits of a type, which the entry's type goes
	// before.
	n.mode = n.mode&fs.ModeType | (&tar.Header{Mode: h.Mode & 0o7777}).FileInfo().Mode()
	if !n.mode.IsDir() {
		n.capability = nil // setting the owner takes them away (capabilities(7))
	}
	if v, ok := h.PAXRecords[xattrRecord+capability]; ok {
		if len(v) > maxCapability {
			return fmt.Errorf("the attribute %s has %d bytes, which no file capabilities have", capability, len(v))
		}
		n.capability = []byte(v)
	}
	return nil
}

// nanoseconds gives a time as os.Chtimes sets it. One out of its range is 1970,
// as in containerd.
func nanoseconds(t time.Time) int64 {
	if t.Before(time.Unix(0, 0)) || t.After(time.Unix(0, math.MaxInt64)) {
		return 0
	}
	return t.UnixNano()
}

// content spools the content of a file. Its size may be a lie, and more than
// the archive has, where the file is sparse.
func (a *applier) content(n *node, size int64, r io.Reader) error {
	if size > a.left.Bytes {
		return a.tooMany("bytes", a.limits.Bytes)
	}
	if size == 0 {
		return nil
	}
	n.at = a.contents.end()
	written, err := a.contents.ReadFrom(r)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	n.size = written
	a.left.Bytes -= written
	return nil
}

// spend takes entries and bytes of names off what is left.
func (a *applier) spend(entries, names int) error {
	a.left.Entries -= entries
	a.left.Names -= int64(names)
	switch {
	case a.left.Entries < 0:
		return a.tooMany("entries", int64(a.limits.Entries))
	case a.left.Names < 0:
		return a.tooMany("bytes of names", a.limits.Names)
	}
	return nil
}

// A LimitError says that an image has more than a limit allows.
type LimitError struct {
	What  string // "bytes", "entries" or "bytes of names"
	Limit int64
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("the image's layers have more than the limit of %d %s", e.Limit, e.What)
}

func (a *applier) tooMany(what string, limit int64) error { return &LimitError{what, limit} }

// parent gives the directory that an entry's path leads to, and the bytes of
// its real path. Directories that are missing are made.
func (a *applier) parent(dir string) (*node, int, error) {
	return a.walk(dir, true)
}

// find gives the directory that a path leads to.
func (a *applier) find(dir string) (*node, error) {
	n, _, err := a.walk(dir, false)
	return n, err
}

// walk follows a path from the root, through symbolic links, and never out of
// it. With missing, it makes what is missing; a file of a lower layer that is
// in the way gives place to a directory, as it does under overlayfs.
func (a *applier) walk(dir string, missing bool) (*node, int, error) {
	stack, length, links := []*node{a.root}, 1, 0
	var lengths []int
	rest := components(nil, dir)
	for len(rest) > 0 {
		part := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		here := stack[len(stack)-1]
		if part == ".." {
			if len(stack) > 1 {
				stack, length = stack[:len(stack)-1], lengths[len(lengths)-1]
				lengths = lengths[:len(lengths)-1]
			}
			continue
		}
		next := here.children[part]
		if next.node != nil && next.node.mode&fs.ModeSymlink != 0 {
			if links++; links > maxFollow {
				return nil, 0, tree.ErrLoop
			}
			if path.IsAbs(next.node.target) {
				stack, lengths, length = stack[:1], lengths[:0], 1
			}
			before := len(rest)
			rest = components(rest, next.node.target)
			if err := a.spend(0, len(rest)-before); err != nil {
				return nil, 0, err
			}
			continue
		}
		if next.node == nil || !next.node.mode.IsDir() {
			if !missing {
				return nil, 0, fs.ErrNotExist
			}
			if next.node != nil && next.layer == a.layer {
				return nil, 0, fmt.Errorf("%q is no directory", abbreviated(part))
			}
			if len(part) > maxName {
				return nil, 0, fmt.Errorf("a name in the path is too long: Linux takes %d bytes", maxName)
			}
			if err := a.spend(1, 0); err != nil {
				return nil, 0, err
			}
			next = name{node: newDir(a.layer).reset(here)}
			here.children[strings.Clone(part)] = next
		}
		if missing {
			next.node.way = a.layer
		}
		stack, lengths = append(stack, next.node), append(lengths, length)
		if length += len(part) + 1; length > maxPath {
			return nil, 0, fmt.Errorf("the path is too long: Linux takes %d bytes", maxPath)
		}
	}
	return stack[len(stack)-1], length, nil
}

// components puts the components of a path on a stack, the first on top.
func components(stack []string, dir string) []string {
	parts := strings.Split(dir, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i] != "" && parts[i] != "." {
			stack = append(stack, parts[i])
		}
	}
	return stack
}
