// Package reftest shows a tree as BuildKit shows the reference it has solved.
package reftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"sync"
	"unicode/utf8"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"

	"github.com/whittle-oci/whittle/builder/tree"
)

// maxMessage is the most that BuildKit sends in one reply, in bytes.
const maxMessage = 16 << 20

// A Ref is a reference whose content is a tree. Like BuildKit it loses the
// type of errors on the way.
type Ref struct {
	Tree tree.Tree

	mu    sync.Mutex
	calls []string
}

// Calls lists what was asked for since the last time.
func (r *Ref) Calls() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.calls
	r.calls = nil
	return out
}

func (r *Ref) called(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
}

// ToState implements gateway.Reference.
func (*Ref) ToState() (llb.State, error) { return llb.State{}, errors.New("a tree has no state") }

// Evaluate implements gateway.Reference.
func (*Ref) Evaluate(context.Context) error { return nil }

// ReadFile implements gateway.Reference.
func (r *Ref) ReadFile(ctx context.Context, req gateway.ReadRequest) ([]byte, error) {
	res, err := tree.Resolve(ctx, r.Tree, req.Filename)
	if err != nil {
		return nil, untyped(err)
	}
	f, err := r.Tree.Open(ctx, res.Path)
	if err != nil {
		return nil, untyped(err)
	}
	off, n := int64(0), res.Entry.Size
	if req.Range != nil {
		off, n = int64(req.Range.Offset), int64(req.Range.Length)
	}
	r.called("read %s %d+%d", req.Filename, off, n)
	if min(n, res.Entry.Size-off) >= maxMessage {
		return nil, errors.New("grpc: received message larger than max")
	}
	return io.ReadAll(io.NewSectionReader(f, off, n))
}

// StatFile implements gateway.Reference. It follows links, as BuildKit does.
func (r *Ref) StatFile(ctx context.Context, req gateway.StatRequest) (*fstypes.Stat, error) {
	r.called("stat %s", req.Path)
	res, err := tree.Resolve(ctx, r.Tree, req.Path)
	if err != nil {
		return nil, untyped(err)
	}
	return stat(res.Entry), nil
}

// ReadDir implements gateway.Reference.
func (r *Ref) ReadDir(ctx context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	r.called("list %s", req.Path)
	res, err := tree.Resolve(ctx, r.Tree, path.Clean("/"+req.Path))
	if err != nil {
		return nil, untyped(err)
	}
	if !res.Entry.IsDir() {
		return nil, errors.New(req.Path + ": not a directory")
	}
	list, err := r.Tree.ReadDir(ctx, res.Path)
	if err != nil {
		return nil, untyped(err)
	}
	var out []*fstypes.Stat
	first := map[string]string{}
	for _, e := range list {
		if !utf8.ValidString(e.Name + e.Linkname) {
			return nil, errors.New("grpc: error while marshaling: string field contains invalid UTF-8")
		}
		s := stat(e)
		if e.LinkID != "" && first[e.LinkID] != "" {
			s.Linkname = first[e.LinkID] // as fsutil's Walk has it: only within the directory
		} else if e.LinkID != "" {
			first[e.LinkID] = e.Name
		}
		out = append(out, s)
	}
	return out, nil
}

func stat(e tree.Entry) *fstypes.Stat {
	return &fstypes.Stat{
		Path: e.Name, Mode: uint32(e.Mode), Size: e.Size, Uid: uint32(e.UID), Gid: uint32(e.GID),
		Linkname: e.Linkname, ModTime: e.ModTime, Xattrs: e.Xattrs,
	}
}

// untyped says what is missing in the words of Linux.
func untyped(err error) error {
	return errors.New("rpc error: " + err.Error() + ": no such file or directory")
}
