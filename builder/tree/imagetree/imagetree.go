// Package imagetree reads the root filesystem that an image's layers make.
package imagetree

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/tree"
)

// whiteouts, as the OCI image specification's layer.md defines them.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// An Image is the Tree of an image. Contents are spooled to one temporary
// file, so that memory holds names only. Close removes it.
type Image struct {
	spool    *os.File
	nodes    map[string]*node
	children map[string]map[string]bool
}

type node struct {
	entry  tree.Entry
	offset int64 // of the content in the spool
}

// Open reads every layer of img, bottom first. Digests are compared while
// reading, as go-containerregistry does for layers from a registry.
//
// A layer that holds more than limit bytes of content in sum is an error.
func Open(ctx context.Context, img v1.Image, limit int64) (*Image, error) {
	spool, err := os.CreateTemp("", "whittle-layers-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary file: %w", err)
	}
	// The file lives as long as it is open and cannot be left behind.
	if err := os.Remove(spool.Name()); err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	t := &Image{spool: spool, nodes: map[string]*node{"/": {entry: tree.Entry{Name: "/", Mode: fs.ModeDir | 0o755}}}, children: map[string]map[string]bool{}}
	layers, err := img.Layers()
	if err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	var at int64
	for i, l := range layers {
		if at, err = t.apply(ctx, l, at, limit); err != nil {
			return nil, errors.Join(fmt.Errorf("reading layer %d: %w", i+1, err), spool.Close())
		}
	}
	return t, nil
}

// Close releases the temporary file.
func (t *Image) Close() error { return t.spool.Close() }

func (t *Image) apply(ctx context.Context, l v1.Layer, at, limit int64) (int64, error) {
	rc, err := l.Uncompressed()
	if err != nil {
		return at, err
	}
	defer rc.Close()
	tr := tar.NewReader(rc)
	fresh := map[string]bool{} // made by this layer: opaque markers spare them
	for {
		if err := ctx.Err(); err != nil {
			return at, err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, rc) // the digest is compared at the end
			return at, err
		}
		if err != nil {
			return at, err
		}
		name := path.Clean("/" + h.Name)
		dir, base := path.Split(name)
		dir = path.Clean(dir)
		switch {
		case base == opaque:
			t.clear(dir, fresh)
			continue
		case strings.HasPrefix(base, whiteout):
			t.remove(path.Join(dir, strings.TrimPrefix(base, whiteout)))
			continue
		}
		if at, err = t.put(name, h, tr, at, limit); err != nil {
			return at, err
		}
		fresh[name] = true
	}
}

func (t *Image) put(name string, h *tar.Header, r io.Reader, at, limit int64) (int64, error) {
	e := tree.Entry{Mode: h.FileInfo().Mode(), UID: h.Uid, GID: h.Gid, ModTime: h.ModTime.UnixNano()}
	for k, v := range h.PAXRecords {
		if x, ok := strings.CutPrefix(k, "SCHILY.xattr."); ok {
			if e.Xattrs == nil {
				e.Xattrs = map[string][]byte{}
			}
			e.Xattrs[x] = []byte(v)
		}
	}
	switch h.Typeflag {
	case tar.TypeLink:
		target, ok := t.nodes[path.Clean("/"+h.Linkname)]
		if !ok {
			return at, fmt.Errorf("%s is a hard link to %s, which is not there", name, h.Linkname)
		}
		t.insert(name, &node{target.entry, target.offset})
		return at, nil
	case tar.TypeSymlink:
		e.Mode = fs.ModeSymlink | 0o777
		e.Linkname = h.Linkname
	case tar.TypeReg:
		if at+h.Size > limit {
			return at, fmt.Errorf("content exceeds the limit of %d bytes", limit)
		}
		n, err := io.Copy(io.NewOffsetWriter(t.spool, at), r)
		if err != nil {
			return at, fmt.Errorf("unpacking %s: %w", name, err)
		}
		e.Size = n
		t.insert(name, &node{e, at})
		return at + n, nil
	case tar.TypeDir:
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
	default:
		return at, nil
	}
	t.insert(name, &node{e, 0})
	return at, nil
}

func (t *Image) insert(name string, n *node) {
	if name == "/" {
		return
	}
	dir := path.Dir(name)
	if p, ok := t.nodes[dir]; !ok || !p.entry.IsDir() {
		t.insert(dir, &node{entry: tree.Entry{Mode: fs.ModeDir | 0o755}})
	}
	if !n.entry.IsDir() {
		t.clear(name, nil)
	}
	n.entry.Name = path.Base(name)
	t.nodes[name] = n
	if t.children[dir] == nil {
		t.children[dir] = map[string]bool{}
	}
	t.children[dir][path.Base(name)] = true
}

// clear removes what is below dir, but for names in spare.
func (t *Image) clear(dir string, spare map[string]bool) {
	for c := range t.children[dir] {
		if p := path.Join(dir, c); !spare[p] {
			t.remove(p)
		}
	}
}

func (t *Image) remove(name string) {
	t.clear(name, nil)
	delete(t.nodes, name)
	delete(t.children, name)
	delete(t.children[path.Dir(name)], path.Base(name))
}

// Lstat implements tree.Tree.
func (t *Image) Lstat(_ context.Context, name string) (tree.Entry, error) {
	n, ok := t.nodes[name]
	if !ok {
		return tree.Entry{}, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return n.entry, nil
}

// ReadDir implements tree.Tree.
func (t *Image) ReadDir(_ context.Context, name string) ([]tree.Entry, error) {
	if n, ok := t.nodes[name]; !ok || !n.entry.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	out := make([]tree.Entry, 0, len(t.children[name]))
	for c := range t.children[name] {
		out = append(out, t.nodes[path.Join(name, c)].entry)
	}
	tree.Sort(out)
	return out, nil
}

// Open implements tree.Tree.
func (t *Image) Open(_ context.Context, name string) (io.ReaderAt, error) {
	n, ok := t.nodes[name]
	if !ok || !n.entry.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NewSectionReader(t.spool, n.offset, n.entry.Size), nil
}
