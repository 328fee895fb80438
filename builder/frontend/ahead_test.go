package frontend

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	digest "github.com/opencontainers/go-digest"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestAhead sends the context without asking the registry, and sends what the
// build itself would.
func TestAhead(t *testing.T) {
	for _, tc := range []struct {
		name, dockerfile string
		want             int // how many directories are sent
	}{
		{"all of it", "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n", 1},
		{"some files", "FROM debian:12\nCOPY go.mod go.sum /src/\nADD templates /srv/\nCMD [\"/bin/true\"]\n", 1},
		{"nothing", "FROM debian:12\nCMD [\"/bin/true\"]\n", 0},
		{"a stage that is not built", "FROM debian:12 AS other\nCOPY . .\nFROM debian:12\nCMD [\"/bin/true\"]\n", 0},
		{"a file that does not parse", "FROM\n", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var mu sync.Mutex
			var sent []digest.Digest
			b := (&builder{t: t, solve: func(_ context.Context, req gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
				mu.Lock()
				defer mu.Unlock()
				if req.Evaluate {
					if s := sources(g); s != "local://context" {
						t.Errorf("%s was read ahead", s)
					}
					sent = append(sent, g.Order[0])
				}
				return &tree.Memory{}, nil
			}}).start(tc.dockerfile)
			_ = b.ahead(t.Context()) // a fault is met again by the build
			if len(sent) != tc.want {
				t.Fatalf("%d directories were sent, want %d", len(sent), tc.want)
			}
			if tc.want == 0 {
				return
			}
			opt := b.convert(t.Context(), nil, 0)
			opt.MetaResolver = unasked{}
			conv, err := dockerfile2llb.Dockerfile2LLB(t.Context(), b.src.Data, opt)
			if err != nil {
				t.Fatal(err)
			}
			def, err := conv.State.Marshal(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			g, err := graph.Parse(def.ToPB())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(g.Order, sent[0]) {
				t.Error("what was sent is not what the build reads")
			}
		})
	}
}
