//go:build linux

package sink_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	containerd "github.com/containerd/containerd/v2/pkg/archive"
	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/snapshot"
	"github.com/moby/buildkit/solver/llbsolver/file"
	"github.com/moby/buildkit/solver/llbsolver/ops"
	"github.com/moby/buildkit/solver/llbsolver/ops/fileoptypes"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/sys/user"
	digest "github.com/opencontainers/go-digest"
	fscopy "github.com/tonistiigi/fsutil/copy"

	"github.com/whittle-oci/whittle/builder/graph"
)

// The images that stand for the tree of a plan and for its base image.
const (
	builtRef = "whittle.example/built"
	baseRef  = "whittle.example/base"
)

// solve carries out a definition of file actions with BuildKit's own code,
// in directories of this machine, and writes the layers as its exporter does.
func solve(t *testing.T, st llb.State, roots map[string]string) [][]byte {
	t.Helper()
	g, done, last := carryOut(t, st, roots)
	var layers [][]byte
	for last != "" {
		var b bytes.Buffer
		below, lower := under(g.Ops[last]), t.TempDir()
		if below != "" {
			lower = done[below].path
		}
		if err := containerd.WriteDiff(t.Context(), &b, lower, done[last].path); err != nil {
			t.Fatal(err)
		}
		layers = append(layers, b.Bytes())
		last = below
	}
	slices.Reverse(layers)
	return layers
}

// whole carries out a definition and writes everything that comes out as one
// layer.
func whole(t *testing.T, st llb.State, sources map[string]string) []byte {
	t.Helper()
	_, done, last := carryOut(t, st, sources)
	root := t.TempDir() // of an image without files
	if last != "" {
		root = done[last].path
	}
	var b bytes.Buffer
	if err := containerd.WriteDiff(t.Context(), &b, t.TempDir(), root); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// carryOut carries out a definition and gives what comes of each operation, and
// the last of them. Sources are the directories that stand for what is copied
// from, by identifier, "" for all others.
func carryOut(t *testing.T, st llb.State, sources map[string]string) (g *graph.Graph, done map[digest.Digest]*directory, last digest.Digest) {
	t.Helper()
	def, err := st.Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	g, err = graph.Parse(def.ToPB())
	if err != nil {
		t.Fatal(err)
	}
	backend, err := file.NewFileOpBackend(numeric)
	if err != nil {
		t.Fatal(err)
	}
	done = map[digest.Digest]*directory{}
	for _, d := range g.Order {
		op := g.Ops[d]
		switch {
		case op.GetSource() != nil:
			dir, ok := sources[op.GetSource().Identifier]
			if !ok {
				dir = sources[""]
			}
			done[d] = &directory{path: dir}
		case op.GetFile() != nil:
			var inputs []fileoptypes.Ref
			for _, in := range op.Inputs {
				inputs = append(inputs, done[digest.Digest(in.Digest)])
			}
			solver := ops.NewFileOpSolver(nil, backend, file.NewRefManager(&directories{t: t}, "test"))
			out, err := solver.Solve(t.Context(), inputs, op.GetFile().Actions, nil)
			if err != nil {
				t.Fatal(err)
			}
			done[d] = out[0].(*directory)
			last = d
		}
	}
	return g, done, last
}

// under gives the operation whose result one of files is put on, "" for none.
func under(op *pb.Op) digest.Digest {
	on := op.GetFile().Actions[0].Input
	if on < 0 {
		return ""
	}
	return digest.Digest(op.Inputs[on].Digest)
}

// numeric reads owners that are numbers, as all of ours are.
func numeric(owner *pb.ChownOpt, _, _ snapshot.Mountable) (*fscopy.User, error) {
	if owner == nil {
		return nil, nil
	}
	uid, ok := owner.User.User.(*pb.UserOpt_ByID)
	gid, ok2 := owner.Group.User.(*pb.UserOpt_ByID)
	if !ok || !ok2 {
		return nil, fmt.Errorf("the owner %v is not in numbers", owner)
	}
	return &fscopy.User{UID: int(uid.ByID), GID: int(gid.ByID)}, nil
}

// directories is a cache of snapshots that are directories.
type directories struct {
	cache.Manager
	t *testing.T
}

// New implements cache.Manager.
func (d *directories) New(_ context.Context, parent cache.ImmutableRef, _ session.Group, _ ...cache.RefOption) (cache.MutableRef, error) {
	dir := &directory{path: d.t.TempDir()}
	if p, ok := parent.(*directory); ok && p != nil {
		return &mutable{directory: dir}, exec.Command("cp", "-a", p.path+"/.", dir.path).Run() //nolint:gosec // a directory of this test
	}
	return &mutable{directory: dir}, os.Chmod(dir.path, 0o755) //nolint:gosec // as BuildKit makes roots
}

// A directory is a snapshot that does not change.
type directory struct {
	cache.ImmutableRef
	path string
}

// Mount implements cache.Mountable.
func (d *directory) Mount(context.Context, bool, session.Group) (snapshot.Mountable, error) {
	return mounted{d.path}, nil
}

// Release implements cache.Ref.
func (*directory) Release(context.Context) error { return nil }

// Clone implements cache.ImmutableRef.
func (d *directory) Clone() cache.ImmutableRef { return d }

// IdentityMapping implements cache.Ref and executor.MountableRef.
func (*directory) IdentityMapping() *user.IdentityMapping { return nil }

// mounted is what a snapshot is mounted by.
type mounted struct{ path string }

// Mount implements executor.MountableRef.
func (m mounted) Mount() ([]mount.Mount, func() error, error) {
	return []mount.Mount{{Type: "bind", Source: m.path}}, func() error { return nil }, nil
}

// IdentityMapping implements executor.MountableRef.
func (mounted) IdentityMapping() *user.IdentityMapping { return nil }

// mutable is a snapshot that is being made.
type mutable struct {
	cache.MutableRef
	directory *directory
}

// Mount implements cache.Mountable.
func (m *mutable) Mount(context.Context, bool, session.Group) (snapshot.Mountable, error) {
	return mounted{m.directory.path}, nil
}

// Commit implements cache.MutableRef.
func (m *mutable) Commit(context.Context) (cache.ImmutableRef, error) { return m.directory, nil }

// Release implements cache.Ref.
func (*mutable) Release(context.Context) error { return nil }

// SetCachePolicyDefault implements cache.RefMetadata.
func (*mutable) SetCachePolicyDefault() error { return nil }
