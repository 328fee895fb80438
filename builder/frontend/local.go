package frontend

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	fstypes "github.com/tonistiigi/fsutil/types"
	"google.golang.org/protobuf/proto"

	"github.com/whittle-oci/whittle/builder/tree"
)

// localFiles answers for single files of directories that the caller has
// itself, so that the Dockerfile and the ignore file do not travel to the
// builder and back before anything can begin.
type localFiles struct {
	gateway.Client
	dirs map[string]tree.Tree // by the name under which they are shared
}

// newLocalFiles leaves the client as it is where provenance is asked for: it
// is the builder's to say what a build was made from, and what does not pass
// through it is not in there.
func newLocalFiles(c gateway.Client, dirs map[string]tree.Tree) gateway.Client {
	opts := c.BuildOpts().Opts
	for _, name := range []string{"attest:provenance", "build-arg:BUILDKIT_ATTEST_PROVENANCE"} {
		if _, ok := opts[name]; ok {
			return c
		}
	}
	if len(dirs) == 0 {
		return c
	}
	return &localFiles{c, dirs}
}

// Solve implements gateway.Client.
func (c *localFiles) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	name, files := singleFiles(req.Definition)
	dir, ok := c.dirs[name]
	if !ok || len(files) == 0 {
		return c.Client.Solve(ctx, req)
	}
	res := gateway.NewResult()
	res.SetRef(&localRef{dir: dir, files: files})
	return res, nil
}

// Inputs implements gateway.Client: a caller that shares directories sends no
// definitions instead.
func (*localFiles) Inputs(context.Context) (map[string]llb.State, error) { return nil, nil }

// singleFiles reads a definition that does nothing but share single files of a
// directory: the directory's name and the files. It returns none for any other.
func singleFiles(def *pb.Definition) (dir string, files []string) {
	if def == nil || len(def.Def) != 2 { // the source and the end
		return "", nil
	}
	op := &pb.Op{}
	if proto.Unmarshal(def.Def[0], op) != nil || op.GetSource() == nil {
		return "", nil
	}
	dir, ok := strings.CutPrefix(op.GetSource().Identifier, "local://")
	if !ok {
		return "", nil
	}
	for k, v := range op.GetSource().Attrs {
		switch k {
		case pb.AttrFollowPaths:
			if json.Unmarshal([]byte(v), &files) != nil {
				return "", nil
			}
		case pb.AttrLocalSessionID, pb.AttrSharedKeyHint, pb.AttrLocalDiffer:
		default:
			return "", nil
		}
	}
	if slices.ContainsFunc(files, func(f string) bool { return strings.ContainsAny(f, `*?[\`) }) {
		return "", nil
	}
	return dir, files
}

// localRef is the reference that sharing the files would give. It cannot be
// part of a result, since the builder does not know it.
type localRef struct {
	dir   tree.Tree
	files []string
}

var errLocalRef = errors.New("a file of this machine is no reference of the builder")

// ToState implements gateway.Reference.
func (*localRef) ToState() (llb.State, error) { return llb.State{}, errLocalRef }

// Evaluate implements gateway.Reference.
func (*localRef) Evaluate(context.Context) error { return nil }

// find follows name to one of the shared files.
func (r *localRef) find(ctx context.Context, op, name string) (tree.Resolved, error) {
	abs := path.Join("/", name)
	var res tree.Resolved
	err := fs.ErrNotExist
	if slices.ContainsFunc(r.files, func(f string) bool { return path.Join("/", f) == abs }) {
		res, err = tree.Resolve(ctx, r.dir, abs)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return res, &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT} // in BuildKit's words
	}
	return res, err
}

// ReadFile implements gateway.Reference.
func (r *localRef) ReadFile(ctx context.Context, req gateway.ReadRequest) ([]byte, error) {
	res, err := r.find(ctx, "open", req.Filename)
	if err != nil {
		return nil, err
	}
	if !res.Entry.IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: req.Filename, Err: errors.New("not a regular file")}
	}
	f, err := r.dir.Open(ctx, res.Path)
	if err != nil {
		return nil, err
	}
	var from int64
	n := res.Entry.Size
	if req.Range != nil {
		from = int64(req.Range.Offset)
		n = min(int64(req.Range.Length), max(0, n-from))
	}
	data, err := io.ReadAll(io.NewSectionReader(f, from, n))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: req.Filename, Err: err}
	}
	return data, nil
}

// StatFile implements gateway.Reference.
func (r *localRef) StatFile(ctx context.Context, req gateway.StatRequest) (*fstypes.Stat, error) {
	res, err := r.find(ctx, "stat", req.Path)
	if err != nil {
		return nil, err
	}
	return &fstypes.Stat{Path: res.Entry.Name, Mode: uint32(res.Entry.Mode), Size: res.Entry.Size, ModTime: res.Entry.ModTime}, nil
}

// ReadDir implements gateway.Reference.
func (*localRef) ReadDir(context.Context, gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	return nil, errLocalRef
}
