package layers

import (
	"context"
	"errors"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/oci/spool"
)

// OpenTwo opens two images and reads the layers that both begin with once. Close
// both trees.
func OpenTwo(ctx context.Context, a, b v1.Image, limits Limits) (_, _ *Tree, err error) {
	var stacks [2]stack
	for i, img := range []v1.Image{a, b} {
		if stacks[i], err = stackOf(img); err != nil {
			return nil, nil, err
		}
	}
	base, err := newApplier(limits, nil)
	if err != nil {
		return nil, nil, err
	}
	alike := stacks[0].alike(stacks[1])
	if err := base.all(ctx, stacks[0], 0, alike); err != nil {
		return nil, nil, errors.Join(err, base.contents.spool.Close())
	}
	appliers, err := base.fork()
	if err != nil {
		return nil, nil, err
	}
	var trees [2]*Tree
	eg, egctx := errgroup.WithContext(ctx)
	for i, x := range appliers {
		eg.Go(func() (err error) {
			if err = x.all(egctx, stacks[i], alike, len(stacks[i].layers)); err == nil {
				trees[i], err = x.tree()
			}
			return err
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, nil, errors.Join(err, appliers[0].contents.spool.Close(), appliers[1].contents.spool.Close())
	}
	return trees[0], trees[1], nil
}

// alike is how many layers two images have in common, from the bottom: those of
// one kind and one digest, packed and unpacked. One whose digest is not known is
// none.
func (s stack) alike(other stack) int {
	for i := range min(len(s.layers), len(other.layers)) {
		x, errX := s.layers[i].Digest()
		y, errY := other.layers[i].Digest()
		mediaX, badX := s.layers[i].MediaType()
		mediaY, badY := other.layers[i].MediaType()
		if errors.Join(errX, errY, badX, badY) != nil || x != y || mediaX != mediaY || s.diffIDs[i] != other.diffIDs[i] {
			return i
		}
	}
	return min(len(s.layers), len(other.layers))
}

// fork gives two appliers that go on from where a is, and that a is not to be
// used beside.
func (a *applier) fork() (out [2]*applier, err error) {
	if err := a.contents.flush(); err != nil {
		return out, errors.Join(err, a.contents.spool.Close())
	}
	below := &shared{spool: a.contents.spool}
	below.users.Store(int32(len(out)))
	for i := range out {
		own, err := spool.New()
		if err != nil {
			for ; i < len(out); i++ {
				err = errors.Join(err, below.release())
			}
			if out[0] != nil {
				err = errors.Join(err, out[0].contents.spool.Close())
			}
			return out, err
		}
		x := *a
		x.contents = contents{spool: parts{below: below, split: a.contents.at, own: own}, at: a.contents.at}
		out[i] = &x
	}
	out[1].root = copied(a.root, map[*node]*node{})
	return out, nil
}

// copied copies a directory with all below it. Files that have several names are
// one file in the copy, too.
func copied(n *node, files map[*node]*node) *node {
	if have := files[n]; have != nil {
		return have
	}
	c := *n
	if !n.mode.IsDir() {
		files[n] = &c
		return &c
	}
	c.children = make(map[string]name, len(n.children))
	for base, child := range n.children {
		c.children[base] = name{copied(child.node, files), child.layer}
	}
	return &c
}

// parts are where contents are: those up to split in a file that other trees
// read, too, and the rest behind it in one of their own.
type parts struct {
	below *shared // nil for nothing
	split int64
	own   *spool.File
}

// ReadAt implements io.ReaderAt. No file's content is in both.
func (p parts) ReadAt(b []byte, off int64) (int, error) {
	if off < p.split {
		return p.below.spool.ReadAt(b, off)
	}
	return p.own.ReadAt(b, off-p.split)
}

// WriteAt implements io.WriterAt, behind split.
func (p parts) WriteAt(b []byte, off int64) (int, error) { return p.own.WriteAt(b, off-p.split) }

// Close implements io.Closer.
func (p parts) Close() error {
	err := p.own.Close()
	if p.below != nil {
		err = errors.Join(err, p.below.release())
	}
	return err
}

// shared are contents that several trees read.
type shared struct {
	spool parts
	users atomic.Int32
}

// release closes them for one of those.
func (s *shared) release() error {
	if s.users.Add(-1) > 0 {
		return nil
	}
	return s.spool.Close()
}

// Shares reports whether a file has the same content in another tree because
// both have it of one layer. Where it does not, the contents may still be the
// same.
func (t *Tree) Shares(other *Tree, name string) bool {
	if t.spool.below == nil || t.spool.below != other.spool.below {
		return false
	}
	a, errA := t.find("open", name)
	b, errB := other.find("open", name)
	return errA == nil && errB == nil && a.mode.IsRegular() && b.mode.IsRegular() && a.at == b.at && a.size == b.size && a.at+a.size <= t.spool.split
}
