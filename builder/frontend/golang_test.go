package frontend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/tree"
)

// program is the build of a Go program from sources that a RUN makes.
func program(t *testing.T) *pb.Definition {
	t.Helper()
	st := llb.Image("docker.io/library/golang:1.26").Run(llb.Args([]string{"/bin/sh", "-c", "make generate"})).Root()
	st = st.Run(llb.Args([]string{"/bin/sh", "-c", "go build -o /app ."})).Root()
	def, err := llb.Scratch().File(llb.Copy(st, "/app", "/app")).Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	return def.ToPB()
}

// TestCompileChain asks about a step when the one before it is settled, so that
// nothing is compiled twice.
func TestCompileChain(t *testing.T) {
	st := llb.Image("docker.io/library/golang:1.26").Run(llb.Args([]string{"/bin/sh", "-c", "go build -o /a ./a"})).Root()
	st = st.Run(llb.Args([]string{"/bin/sh", "-c", "go build -o /b ./b"})).Root()
	def, err := st.Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	compiles := map[digest.Digest]string{}
	b := (&builder{t: t, solve: func(_ context.Context, _ gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, d := range g.Order {
			if e := g.Ops[d].GetExec(); e != nil && strings.HasPrefix(e.Meta.Args[2], "go build") {
				compiles[d] = e.Meta.Args[2]
			}
		}
		out := &tree.Memory{}
		out.File("/cgo", 0o644, nil)
		return out, nil
	}}).start("FROM scratch\n")
	_, g, err := b.compile(t.Context(), def.ToPB(), nil)
	if err != nil || !g.report.Made {
		t.Fatalf("made static: %v, %v", g.report.Made, err)
	}
	if len(compiles) != 2 {
		t.Errorf("%d compilations of two programs: %v", len(compiles), compiles)
	}
}

// What a definition is for.
const (
	question = "question"
	compiled = "static"
	written  = "as written"
)

// purpose finds out by its last RUN, and gives that one's digest.
func purpose(g *graph.Graph) (string, digest.Digest) {
	for _, d := range slices.Backward(g.Order) {
		e := g.Ops[d].GetExec()
		switch {
		case e == nil:
			continue
		case strings.Contains(e.Meta.Args[2], "go list"):
			return question, d
		case slices.Contains(e.Meta.Env, "CGO_ENABLED=0"):
			return compiled, d
		}
		return written, d
	}
	return "", ""
}

// TestCompile asks Go first, and builds what the answer allows.
func TestCompile(t *testing.T) {
	boom := errors.New("boom")
	for _, tc := range []struct {
		name   string
		answer string
		fail   map[string]error // by purpose; "before" is a step that all of them have
		solved string           // what was begun, in order
		why    string
		err    string
	}{
		{name: "no cgo", solved: "question, static", why: "no package outside the standard library uses cgo"},
		{name: "cgo", answer: "example.test/c\n", solved: "question, as written", why: "cgo is used by example.test/c"},
		{name: "no answer", fail: map[string]error{question: boom}, solved: "question, as written", why: "go list did not answer: boom"},
		{name: "the build fails", fail: map[string]error{compiled: boom}, solved: "question, static", err: "boom"},
		{name: "a RUN before fails", fail: map[string]error{"before": boom}, solved: "question", err: "boom"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var mu sync.Mutex
			var solved []string
			b := (&builder{t: t, solve: func(_ context.Context, req gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
				out := &tree.Memory{}
				if !req.Evaluate {
					return out, nil
				}
				what, op := purpose(g)
				mu.Lock()
				solved = append(solved, what)
				mu.Unlock()
				if err := tc.fail["before"]; err != nil {
					return nil, errdefs.WrapVertex(err, g.Order[0])
				}
				if err := tc.fail[what]; err != nil {
					return nil, errdefs.WrapVertex(err, op)
				}
				out.File("/"+what, 0o755, nil)
				out.File("/cgo", 0o644, []byte(tc.answer))
				return out, nil
			}}).start("FROM scratch\n")
			s, g, err := b.compile(t.Context(), program(t), nil)
			if got := strings.Join(solved, ", "); got != tc.solved {
				t.Errorf("solved %q, want %q", got, tc.solved)
			}
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want %q in it", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			last := solved[len(solved)-1]
			if g.report.Made != (last == compiled) || g.report.Why != tc.why {
				t.Errorf("made static: %v, %q; want %q", g.report.Made, g.report.Why, tc.why)
			}
			if _, err := s.tree.Lstat(t.Context(), "/"+last); err != nil {
				t.Errorf("the stage is another build's: %v", err)
			}
		})
	}
}
