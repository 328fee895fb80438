package java

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits on what is read of archives. They are far above what applications
// have; what lies beyond is not looked at.
const (
	maxDirectory = 16 << 20  // bytes of the directory of one archive
	maxEntries   = 400_000   // files in one
	maxManifest  = 1 << 20   // bytes of a manifest, inflated
	maxNested    = 64 << 20  // bytes of an archive in another that is deflated
	maxDepth     = 3         // archives in archives
	blockSize    = 64 << 10  // what is asked for at a time
	maxTotal     = 1 << 30   // bytes of all archives that are read
	maxInflated  = 512 << 20 // bytes of all entries that are read, inflated
)

// A budget is what may still be read of all archives of an image.
type budget struct{ raw, inflated int64 }

func newBudget() budget { return budget{maxTotal, maxInflated} }

// errNotZip is returned for a file that is no zip archive, errMuch for one of
// which more would have to be read than may be.
var (
	errNotZip = errors.New("is no zip archive")
	errMuch   = errors.New("is larger than what is read of archives")
)

// A window reads a file in blocks, of which it keeps the last one, and no more
// than some bytes of it.
type window struct {
	r     io.ReaderAt
	size  int64
	left  *int64 // of the budget
	limit int64  // of this file, for now
	block []byte
	at    int64
	err   error // what the reader failed with first
}

// ReadAt implements io.ReaderAt.
func (w *window) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		pos := off + int64(n)
		if pos < 0 || pos >= w.size {
			return n, io.EOF
		}
		if w.block == nil || pos < w.at || pos >= w.at+int64(len(w.block)) {
			if err := w.fetch(pos / blockSize * blockSize); err != nil {
				return n, err
			}
			if pos >= w.at+int64(len(w.block)) {
				return n, io.EOF
			}
		}
		n += copy(p[n:], w.block[pos-w.at:])
	}
	return n, nil
}

func (w *window) fetch(at int64) error {
	want := min(blockSize, w.size-at)
	if w.limit < want || *w.left < want {
		w.err = cmp.Or(w.err, errMuch)
		return errMuch
	}
	if int64(cap(w.block)) < want {
		w.block = make([]byte, blockSize)
	}
	b := w.block[:want]
	w.block = nil
	n, err := w.r.ReadAt(b, at)
	w.limit -= int64(n)
	*w.left -= int64(n)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		w.err = cmp.Or(w.err, err)
		return err
	}
	w.block, w.at = b[:n], at
	return nil
}

// An archive is a zip archive that is read.
type archive struct {
	*zip.Reader
	window *window
	budget *budget
}

// open reads the directory of the archive at a real path. Errors are errNotZip,
// errMuch, and what reading the tree gave.
func (r *Runtime) open(ctx context.Context, t tree.Tree, real string, size int64) (*archive, error) {
	file, err := t.Open(ctx, real)
	if err != nil {
		return nil, err
	}
	return newArchive(file, size, &r.budget)
}

// newArchive reads the directory of an archive.
func newArchive(r io.ReaderAt, size int64, b *budget) (*archive, error) {
	w := &window{r: r, size: size, left: &b.raw, limit: maxDirectory}
	z, err := zip.NewReader(w, size)
	if w.err != nil {
		return nil, w.err
	}
	if err != nil && (z == nil || !errors.Is(err, zip.ErrInsecurePath)) {
		return nil, fmt.Errorf("%w: %w", errNotZip, err)
	}
	if len(z.File) > maxEntries {
		return nil, errMuch
	}
	w.limit = b.raw
	return &archive{z, w, b}, nil
}

// find gives the entry of that name, nil when there is none.
func (a *archive) find(name string) *zip.File {
	// The last of several counts, as in java.util.zip.
	for _, f := range slices.Backward(a.File) {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// read gives at most some bytes of an entry. One that is broken ends early;
// errors are those of the reader below, and errMuch.
func (a *archive) read(f *zip.File, limit int64) ([]byte, error) {
	if a.budget.inflated <= 0 {
		return nil, errMuch
	}
	in, err := f.Open()
	if err != nil {
		return nil, a.window.err // damaged, encrypted, or packed in a way that is not known
	}
	defer in.Close()
	limit = min(limit, a.budget.inflated)
	var b bytes.Buffer
	n, _ := io.Copy(&b, io.LimitReader(in, limit))
	a.budget.inflated -= n
	return b.Bytes(), a.window.err
}

// nested opens an archive in this one: where it is stored as it is, without
// reading more than its directory.
func (a *archive) nested(f *zip.File) (*archive, error) {
	size := int64(f.UncompressedSize64) //nolint:gosec // checked below
	if size < 0 {
		return nil, errNotZip
	}
	if f.Method == zip.Store && f.CompressedSize64 == f.UncompressedSize64 {
		off, err := f.DataOffset()
		if err != nil || off < 0 || off > a.window.size-size {
			return nil, cmp.Or(a.window.err, errNotZip)
		}
		return newArchive(io.NewSectionReader(a.window.r, off, size), size, a.budget)
	}
	if size > maxNested {
		return nil, errMuch
	}
	data, err := a.read(f, maxNested+1)
	if err != nil {
		return nil, err
	}
	if len(data) > maxNested {
		return nil, errMuch
	}
	return newArchive(bytes.NewReader(data), int64(len(data)), a.budget)
}

// unreadable reports whether an error says that an archive could not be looked
// into, rather than that reading the tree failed.
func unreadable(err error) bool { return errors.Is(err, errNotZip) || errors.Is(err, errMuch) }
