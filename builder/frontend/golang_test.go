package frontend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/tree"
)

// program is the build of a Go program, with a cache that its RUN uses.
func program(t *testing.T, sharing llb.CacheMountSharingMode) *pb.Definition {
	t.Helper()
	st := llb.Image("docker.io/library/golang:1.26").Run(llb.Args([]string{"/bin/sh", "-c", "make generate"})).Root()
	st = st.Run(llb.Args([]string{"/bin/sh", "-c", "go build -o /app ."}), llb.AddMount("/root/.cache", llb.Scratch(), llb.AsPersistentCacheDir("c", sharing))).Root()
	def, err := llb.Scratch().File(llb.Copy(st, "/app", "/app")).Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	return def.ToPB()
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

// TestCompile holds the question and the build to each other.
func TestCompile(t *testing.T) {
	boom := errors.New("boom")
	for _, tc := range []struct {
		name    string
		sharing llb.CacheMountSharingMode
		answer  string
		fail    map[string]error // by purpose; "before" is what fails first in all of them
		solved  string           // what was begun, in order
		made    bool
		why     string
		err     string
	}{
		{name: "no cgo", solved: "question+static", made: true, why: "no package outside the standard library uses cgo"},
		{name: "cgo", answer: "example.test/c\n", solved: "question+static, as written", why: "cgo is used by example.test/c"},
		{name: "no answer", fail: map[string]error{question: boom}, solved: "question+static, as written", why: "go list did not answer: boom"},
		{name: "the build fails", fail: map[string]error{compiled: boom}, solved: "question+static", err: "boom"},
		{name: "cgo, and without it nothing compiles", answer: "example.test/c\n", fail: map[string]error{compiled: boom}, solved: "question+static, as written", why: "cgo is used by example.test/c"},
		{name: "a RUN before fails", fail: map[string]error{"before": boom}, solved: "question+static", err: "boom"},
		{name: "a cache for one at a time", sharing: llb.CacheMountLocked, solved: "question, static", made: true, why: "no package outside the standard library uses cgo"},
		{name: "a cache of its own", sharing: llb.CacheMountPrivate, answer: "example.test/c\n", solved: "question, as written", why: "cgo is used by example.test/c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			solver := &twoAtATime{t: t, tc: tc.fail, answer: tc.answer, together: tc.sharing == llb.CacheMountShared}
			b := (&builder{t: t, solve: solver.solve}).start("FROM scratch\n")
			s, g, err := b.compile(t.Context(), program(t, tc.sharing))
			if got := solver.log(); got != tc.solved {
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
			if g.report.Made != tc.made || g.report.Why != tc.why {
				t.Errorf("made static: %v, %q; want %v, %q", g.report.Made, g.report.Why, tc.made, tc.why)
			}
			want := "/" + map[bool]string{true: compiled, false: written}[tc.made]
			if _, err := s.tree.Lstat(t.Context(), want); err != nil {
				t.Errorf("the stage is not the one %s: %v", want, err)
			}
		})
	}
}

// twoAtATime solves questions and builds. Where the two run together, each
// waits for the other to begin; a build that is not wanted never ends by
// itself.
type twoAtATime struct {
	t        *testing.T
	tc       map[string]error
	answer   string
	together bool

	mu    sync.Mutex
	begun []string
	once  sync.Once
	both  chan struct{}
}

func (s *twoAtATime) begin(what string) (both <-chan struct{}) {
	s.once.Do(func() { s.both = make(chan struct{}) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = append(s.begun, what)
	if len(s.begun) == 2 {
		close(s.both)
	}
	return s.both
}

func (s *twoAtATime) log() string {
	begun := s.begun
	if s.together && len(begun) >= 2 {
		slices.Sort(begun[:2])
		begun = append([]string{begun[0] + "+" + begun[1]}, begun[2:]...)
	}
	return strings.Join(begun, ", ")
}

func (s *twoAtATime) solve(ctx context.Context, req gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
	what, op := purpose(g)
	if !req.Evaluate {
		return &tree.Memory{}, nil
	}
	both := s.begin(what)
	if s.together {
		select {
		case <-both:
		case <-time.After(10 * time.Second):
			s.t.Errorf("the %s runs alone", what)
		}
	}
	if err := s.tc["before"]; err != nil {
		return nil, errdefs.WrapVertex(err, g.Order[0])
	}
	if err := s.tc[what]; err != nil {
		return nil, errdefs.WrapVertex(err, op)
	}
	if what == compiled && (s.answer != "" || s.tc[question] != nil) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	out := &tree.Memory{}
	out.File("/"+what, 0o755, nil)
	out.File("/cgo", 0o644, []byte(s.answer))
	return out, nil
}
