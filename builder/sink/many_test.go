//go:build linux

package sink_test

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	llbsink "github.com/whittle-oci/whittle/builder/sink/llb"
	"github.com/whittle-oci/whittle/builder/tree"
)

// many plans an image of n files in directories of ten, all of odd modes, one
// file of which is another user's, and one directory with all that is in it the
// image's user's.
func many(t *testing.T, n int) (*image.Plan, *tree.Memory) {
	t.Helper()
	x := &tree.Memory{}
	x.File("/app", 0o755, elftest.File{}.Bytes())
	files := []fs.FileMode{0o644, 0o640, 0o664, 0o755, 0o711, 0o604, 0o444, 0o750, 0o755 | fs.ModeSetgid}
	dirs := []fs.FileMode{0o755, 0o750, 0o711, 0o555, 0o775, 0o710}
	for i := range n {
		dir := fmt.Sprintf("/srv/%02d/%04d", i/1000, i/10)
		if i%10 == 0 {
			x.Add(dir, tree.Entry{Mode: dirs[i/10%len(dirs)] | fs.ModeDir}, nil)
		}
		e := tree.Entry{Mode: files[i%len(files)]}
		if i == n/2 {
			e = tree.Entry{Mode: 0o640, UID: 1000, GID: 1000}
		}
		x.Add(fmt.Sprintf("%s/f%05d", dir, i), e, []byte("x"))
		if i%400 == 0 {
			x.Dir(dir+"/empty", 0o710)
		}
	}
	x.Add("/srv/spool", tree.Entry{Mode: fs.ModeDir | 0o755, UID: 4711, GID: 4711}, nil)
	for i := range 10 {
		dir := fmt.Sprintf("/srv/spool/%d", i)
		x.Add(dir, tree.Entry{Mode: fs.ModeDir | 0o755, UID: 4711, GID: 4711}, nil)
		for j := range 5 {
			x.Add(fmt.Sprintf("%s/%d", dir, j), tree.Entry{Mode: 0o644, UID: 4711, GID: 4711}, []byte("x"))
		}
	}
	var c dockerspec.DockerOCIImageConfig
	c.Entrypoint, c.User = []string{"/app"}, "4711"
	p, err := decide.Decide(t.Context(), decide.Input{Tree: x, Changed: x, Base: &tree.Memory{}, Config: c})
	if err != nil {
		t.Fatal(err)
	}
	return p, x
}

// TestManyDirectories makes few actions and a small definition of 40,000 files
// in 4,000 directories: all of it travels to the builder in one message.
func TestManyDirectories(t *testing.T) {
	p, _ := many(t, 40_000)
	def, err := llbsink.State(p, llbsink.Sources{Built: llb.Image(builtRef)}, created, llbsink.Can{Symlinks: true, SymbolicModes: true}).Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.Parse(def.ToPB())
	if err != nil {
		t.Fatal(err)
	}
	copies, others, size := 0, 0, 0
	for _, op := range g.Ops {
		for _, a := range op.GetFile().GetActions() {
			if _, ok := a.Action.(*pb.FileAction_Copy); ok {
				copies++
			} else {
				others++
			}
		}
	}
	for _, dt := range def.Def {
		size += len(dt)
	}
	t.Logf("%d copies, %d other actions, %d bytes", copies, others, size)
	if copies > 50 || size > 100_000 {
		t.Errorf("%d copies, %d other actions, %d bytes", copies, others, size)
	}
}

// TestManySmall holds both sinks to each other for a smaller one of the kind.
func TestManySmall(t *testing.T) {
	asRoot(t)
	p, x := many(t, 450)
	conform(t, p, x, nil)
}
