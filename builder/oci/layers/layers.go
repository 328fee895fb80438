// Package layers reads the root filesystem that an image's layers make, by the
// rules of the OCI image specification (layer.md, "Applying Changesets"):
// whiteouts and opaque markers hide what lower layers hold, never what their
// own layer does, wherever in the layer they stand. Where the specification is
// silent it does what containerd does: a path leads through the symbolic links
// of the layers below, inside the root; missing parents are root's, mode 0755;
// the attributes of a hard link's header are the file's, under all its names.
package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/oci/spool"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits bound what reading an image may cost. A field that is zero stands for
// the one of DefaultLimits.
type Limits struct {
	// Bytes is the most that the uncompressed layers, and also the contents
	// of their files, may have in sum.
	Bytes int64
	// Entries is the most files and directories that the layers may have in
	// sum, those counted again that a later layer replaces.
	Entries int
	// Names is the most bytes that the paths, link targets and kept attributes
	// of those entries may have in sum. Each component that is reached through
	// a symbolic link counts as a byte.
	Names int64
}

// DefaultLimits are several times what the largest images in use have. An
// image at the limits takes about 700 MB of memory (BenchmarkLimits).
var DefaultLimits = Limits{Bytes: 16 << 30, Entries: 2_000_000, Names: 256 << 20}

func (l Limits) orDefault() Limits {
	if l.Bytes == 0 {
		l.Bytes = DefaultLimits.Bytes
	}
	if l.Entries == 0 {
		l.Entries = DefaultLimits.Entries
	}
	if l.Names == 0 {
		l.Names = DefaultLimits.Names
	}
	return l
}

// A Tree is the root filesystem of an image. Contents are spooled to one
// temporary file, or two, so that memory holds names only. Close removes them. It is safe
// for concurrent use.
type Tree struct {
	spool parts
	root  *node
	links map[*node]string // the first path of each file that has several
}

// A File is a regular file as one layer has it, whatever later layers do to it.
type File struct {
	Layer   int    // counted from 1, the bottom one
	Path    string // as the layer has it, absolute
	Size    int64
	Content io.ReaderAt
}

// Open reads every layer of img, the bottom one first, and compares each with
// its digest in the image's configuration.
func Open(ctx context.Context, img v1.Image, limits Limits) (*Tree, error) {
	return OpenSeen(ctx, img, limits, nil)
}

// OpenSeen is Open, and shows the regular files of every layer in the order in
// which they stand, those too that the tree does not have in the end.
func OpenSeen(ctx context.Context, img v1.Image, limits Limits, see func(File)) (*Tree, error) {
	s, err := stackOf(img)
	if err != nil {
		return nil, err
	}
	a, err := newApplier(limits, see)
	if err != nil {
		return nil, err
	}
	if err := a.all(ctx, s, 0, len(s.layers)); err != nil {
		return nil, errors.Join(err, a.contents.spool.Close())
	}
	t, err := a.tree()
	if err != nil {
		return nil, errors.Join(err, a.contents.spool.Close())
	}
	return t, nil
}

// A stack is the layers of an image, the bottom one first.
type stack struct {
	layers  []v1.Layer
	diffIDs []v1.Hash
}

func stackOf(img v1.Image) (stack, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return stack{}, fmt.Errorf("reading the image configuration: %w", err)
	}
	layers, err := img.Layers()
	if err != nil {
		return stack{}, fmt.Errorf("reading the image manifest: %w", err)
	}
	if n := len(config.RootFS.DiffIDs); n != len(layers) {
		return stack{}, fmt.Errorf("the image has %d layers, and its configuration lists %d", len(layers), n)
	}
	return stack{layers, config.RootFS.DiffIDs}, nil
}

func newApplier(limits Limits, see func(File)) (*applier, error) {
	s, err := spool.New()
	if err != nil {
		return nil, err
	}
	return &applier{contents: contents{spool: parts{own: s}}, root: newDir(0), left: limits.orDefault(), limits: limits.orDefault(), see: see}, nil
}

// all applies some layers of a stack, those from one up to another.
func (a *applier) all(ctx context.Context, s stack, from, to int) error {
	for i := from; i < to; i++ {
		a.layer = i + 1
		if err := a.apply(ctx, s.layers[i], s.diffIDs[i]); err != nil {
			return fmt.Errorf("reading layer %d of %d: %w", i+1, len(s.layers), err)
		}
	}
	return nil
}

// tree gives what the layers make.
func (a *applier) tree() (*Tree, error) {
	if err := a.contents.flush(); err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	return &Tree{spool: a.contents.spool, root: a.root, links: links(a.root)}, nil
}

// Close releases the temporary files.
func (t *Tree) Close() error { return t.spool.Close() }

// find gives the node at a path, whose directory part must be real.
func (t *Tree) find(op, name string) (*node, error) {
	n := t.root
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if part == "" {
			continue
		}
		child, ok := n.children[part]
		if !ok {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		n = child.node
	}
	return n, nil
}

// Lstat implements tree.Tree.
func (t *Tree) Lstat(_ context.Context, name string) (tree.Entry, error) {
	n, err := t.find("lstat", name)
	if err != nil {
		return tree.Entry{}, err
	}
	return t.entry(path.Base(name), n), nil
}

// ReadDir implements tree.Tree.
func (t *Tree) ReadDir(_ context.Context, name string) ([]tree.Entry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	out := make([]tree.Entry, 0, len(n.children))
	for base, c := range n.children {
		out = append(out, t.entry(base, c.node))
	}
	tree.Sort(out)
	return out, nil
}

// Open implements tree.Tree.
func (t *Tree) Open(_ context.Context, name string) (io.ReaderAt, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	return io.NewSectionReader(t.spool, n.at, n.size), nil
}

func (t *Tree) entry(base string, n *node) tree.Entry {
	e := tree.Entry{Name: base, Mode: n.mode, Size: n.size, UID: int(n.uid), GID: int(n.gid), Linkname: n.target, ModTime: n.modTime, LinkID: t.links[n]}
	if n.capability != nil {
		e.Xattrs = map[string][]byte{capability: n.capability}
	}
	return e
}
