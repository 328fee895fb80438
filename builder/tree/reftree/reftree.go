// Package reftree reads the root filesystem of a solved BuildKit reference.
package reftree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime/debug"
	"strings"
	"sync"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/util/flightcontrol"
	fstypes "github.com/tonistiigi/fsutil/types"

	"github.com/whittle-oci/whittle/builder/tree"
)

// maxRead is the most that is asked for in one call, in bytes. Replies travel
// in one gRPC message, which may not exceed 16 MiB.
const maxRead = 8 << 20

// blockSize is the least that is asked for in one call, in bytes: up to here a
// call takes as long as one for a single byte. keptBlocks bounds what is kept.
const (
	blockSize  = 16 << 10
	keptBlocks = 128
)

// A Ref is the Tree of one reference. Directories are listed once and kept,
// since the reference cannot change; it is safe for concurrent use.
type Ref struct {
	ctx    context.Context //nolint:containedctx // a reader from Open outlives the call that made it
	ref    gateway.Reference
	flight flightcontrol.Group[[]tree.Entry]
	mu     sync.Mutex
	dirs   map[string]map[string]tree.Entry
	lists  map[string][]tree.Entry
	blocks map[piece][]byte
	recent []piece // the blocks, the oldest first
}

// New returns the Tree of ref, which is nil for an empty root. Reads through
// readers that Open returned end with ctx.
func New(ctx context.Context, ref gateway.Reference) *Ref {
	return &Ref{ctx: ctx, ref: ref, dirs: map[string]map[string]tree.Entry{}, lists: map[string][]tree.Entry{}, blocks: map[piece][]byte{}}
}

// Lstat implements tree.Tree. It lists the parent directory, because BuildKit
// follows links when it is asked for one file.
func (r *Ref) Lstat(ctx context.Context, name string) (tree.Entry, error) {
	if name == "/" {
		return tree.Entry{Name: "/", Mode: fs.ModeDir | 0o755}, nil
	}
	if _, err := r.list(ctx, path.Dir(name)); err != nil {
		return tree.Entry{}, err
	}
	r.mu.Lock()
	e, ok := r.dirs[path.Dir(name)][path.Base(name)]
	r.mu.Unlock()
	if !ok {
		return tree.Entry{}, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return e, nil
}

// ReadDir implements tree.Tree.
func (r *Ref) ReadDir(ctx context.Context, name string) ([]tree.Entry, error) {
	return r.list(ctx, name)
}

func (r *Ref) list(ctx context.Context, dir string) ([]tree.Entry, error) {
	r.mu.Lock()
	list, ok := r.lists[dir]
	absent := !ok && r.absent(dir)
	r.mu.Unlock()
	if ok {
		return list, nil
	}
	if absent {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
	}
	// Callers share one request, which ends when all of them have given up: one
	// that does is no reason for the others to fail.
	return r.flight.Do(ctx, dir, func(ctx context.Context) (_ []tree.Entry, err error) {
		// It runs beside all callers, where nobody else would recover.
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("listing %s failed inside: %v\n%s", dir, p, debug.Stack())
			}
		}()
		return r.read(ctx, dir)
	})
}

// absent reports whether a directory that was listed shows that dir is none.
func (r *Ref) absent(dir string) bool {
	for dir != "/" {
		parent, name := path.Split(dir)
		dir = path.Clean(parent)
		if known, ok := r.dirs[dir]; ok {
			e, ok := known[name]
			return !ok || !e.IsDir() && !e.IsSymlink() // BuildKit follows links
		}
	}
	return false
}

func (r *Ref) read(ctx context.Context, dir string) ([]tree.Entry, error) {
	if r.ref == nil {
		if dir != "/" {
			return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
		}
		return nil, nil
	}
	stats, err := r.ref.ReadDir(ctx, gateway.ReadDirRequest{Path: dir})
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: missing(err)}
	}
	list := make([]tree.Entry, 0, len(stats))
	byName := make(map[string]tree.Entry, len(stats))
	for _, s := range stats {
		list = append(list, entry(s))
	}
	linked(dir, stats, list)
	for _, e := range list {
		byName[e.Name] = e
	}
	tree.Sort(list)
	r.mu.Lock()
	r.lists[dir], r.dirs[dir] = list, byName
	r.mu.Unlock()
	return list, nil
}

// linked marks the files of a directory that are one: BuildKit names the first
// of them in each of the others, and knows of no hard links between
// directories.
func linked(dir string, stats []*fstypes.Stat, list []tree.Entry) {
	first := map[string]bool{}
	for i, s := range stats {
		if list[i].IsRegular() && s.Linkname != "" {
			first[path.Base(s.Linkname)] = true
			list[i].LinkID = path.Join(dir, path.Base(s.Linkname))
		}
	}
	for i := range list {
		if first[list[i].Name] && list[i].LinkID == "" {
			list[i].LinkID = path.Join(dir, list[i].Name)
		}
	}
}

// entry converts what BuildKit sends: Mode holds os.FileMode bits.
func entry(s *fstypes.Stat) tree.Entry {
	e := tree.Entry{
		Name: path.Base(s.Path), Mode: fs.FileMode(s.Mode), UID: int(s.Uid), GID: int(s.Gid),
		Linkname: s.Linkname, ModTime: s.ModTime, Xattrs: s.Xattrs,
	}
	if e.IsRegular() {
		e.Size = s.Size
	}
	if !e.IsSymlink() {
		e.Linkname = ""
	}
	return e
}

// ErrName is returned for a directory that cannot be listed, since names
// travel as UTF-8.
var ErrName = errors.New("it holds a name that is not UTF-8, which BuildKit does not hand over")

// missing turns BuildKit's words for a missing file, which lose their type on
// the wire, back into fs.ErrNotExist, and those for a name that does not
// travel into ErrName.
func missing(err error) error {
	text := err.Error()
	if strings.Contains(text, "invalid UTF-8") {
		return ErrName
	}
	if errors.Is(err, fs.ErrNotExist) || strings.Contains(text, "no such file or directory") || strings.Contains(text, "not a directory") {
		return fs.ErrNotExist
	}
	return err
}

// Open implements tree.Tree.
func (r *Ref) Open(ctx context.Context, name string) (io.ReaderAt, error) {
	e, err := r.Lstat(ctx, name)
	if err != nil {
		return nil, err
	}
	if !e.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	return &file{r, name, e.Size}, nil
}

type file struct {
	r    *Ref
	name string
	size int64
}

// ReadAt implements io.ReaderAt. What is no longer than a block is read as part
// of one, since the next read is often next to it; more goes in calls of at
// most maxRead bytes.
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("reading %s: negative offset", f.name)
	}
	n := 0
	for n < len(b) && off+int64(n) < f.size {
		at := off + int64(n)
		var data []byte
		var err error
		if len(b)-n <= blockSize {
			if data, err = f.block(at - at%blockSize); err == nil {
				data = data[min(at%blockSize, int64(len(data))):]
			}
		} else {
			data, err = f.call(at, min(int64(len(b)-n), maxRead))
		}
		if err != nil {
			return n, err
		}
		if len(data) == 0 {
			return n, io.ErrUnexpectedEOF
		}
		n += copy(b[n:], data)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// call reads from the reference.
func (f *file) call(off, n int64) ([]byte, error) {
	data, err := f.r.ref.ReadFile(f.r.ctx, gateway.ReadRequest{
		Filename: f.name, Range: &gateway.FileRange{Offset: int(off), Length: int(min(n, f.size-off))},
	})
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: f.name, Err: missing(err)}
	}
	return data, nil
}

// A piece is one block of one file.
type piece struct {
	name string
	off  int64
}

// block gives the block that begins at off. The last ones are kept.
func (f *file) block(off int64) ([]byte, error) {
	r, key := f.r, piece{f.name, off}
	r.mu.Lock()
	data, ok := r.blocks[key]
	r.mu.Unlock()
	if ok {
		return data, nil
	}
	data, err := f.call(off, blockSize)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.blocks[key]; !ok {
		r.blocks[key] = data
		if r.recent = append(r.recent, key); len(r.recent) > keptBlocks {
			delete(r.blocks, r.recent[0])
			r.recent = r.recent[1:]
		}
	}
	return data, nil
}
