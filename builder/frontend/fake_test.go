package frontend

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/builder/tree/reftree/reftest"
)

// builder is a BuildKit of which a test decides what solving gives. It knows
// no image.
type builder struct {
	gateway.Client
	t     *testing.T
	opts  map[string]string
	solve func(ctx context.Context, req gateway.SolveRequest, g *graph.Graph) (tree.Tree, error)
	warn  func(msg string) // nil to hear nothing
}

// BuildOpts implements gateway.Client.
func (b *builder) BuildOpts() gateway.BuildOpts {
	return gateway.BuildOpts{
		Opts: b.opts, SessionID: "session",
		LLBCaps: pb.Caps.CapSet(pb.Caps.All()), Caps: gatewaypb.Caps.CapSet(gatewaypb.Caps.All()),
	}
}

// Inputs implements gateway.Client.
func (*builder) Inputs(context.Context) (map[string]llb.State, error) { return nil, nil }

// Warn implements gateway.Client.
func (b *builder) Warn(_ context.Context, _ digest.Digest, msg string, _ gateway.WarnOpts) error {
	if b.warn != nil {
		b.warn(msg)
	}
	return nil
}

// ResolveImageConfig implements gateway.Client.
func (b *builder) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	b.t.Errorf("the registry was asked for %s", ref)
	return ref, "", []byte("{}"), nil
}

// Solve implements gateway.Client.
func (b *builder) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	g, err := graph.Parse(req.Definition)
	if err != nil {
		b.t.Error(err)
		return nil, err
	}
	tr, err := b.solve(ctx, req, g)
	if err != nil {
		return nil, err
	}
	res := gateway.NewResult()
	res.SetRef(&reftest.Ref{Tree: tr})
	return res, nil
}

// start begins a build of a Dockerfile as run does.
func (b *builder) start(dockerfile string) *build {
	b.t.Helper()
	ui, err := dockerui.NewClient(b)
	if err != nil {
		b.t.Fatal(err)
	}
	sm := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte(dockerfile))
	return &build{client: b, ui: ui, src: &dockerui.Source{SourceMap: sm, Warn: func(context.Context, string, gateway.WarnOpts) {}}}
}

// sources lists the identifiers of what a definition reads.
func sources(g *graph.Graph) string {
	var out []string
	for _, d := range g.Order {
		if s := g.Ops[d].GetSource(); s != nil {
			out = append(out, s.Identifier)
		}
	}
	return strings.Join(out, " ")
}
