package frontend

import (
	"context"
	"fmt"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/builder/tree/reftree"
)

// stage is the built final stage. Its trees are there once it is open.
type stage struct {
	state   llb.State
	tree    tree.Tree
	changed tree.Tree // nil when the stage has nothing besides its base
	base    tree.Tree // nil when the stage began from scratch
	// baseDigest is the digest of the base image, "" when it is not known.
	baseDigest string

	hasBase, hasDiff              bool
	refBuilt, refChanged, refBase gateway.Reference
}

// stage solves the final stage, what it changed and what it began from, side
// by side. On error the stage is nil.
func (b *build) stage(ctx context.Context, def *pb.Definition) (*stage, error) {
	op, err := llb.NewDefinitionOp(def)
	if err != nil {
		return nil, fmt.Errorf("reading the build: %w", err)
	}
	s := &stage{state: llb.NewState(op)}
	base, id, err := baseOf(def)
	if err != nil {
		return nil, err
	}
	var diff *pb.Definition
	if base != nil {
		caps := b.client.BuildOpts().LLBCaps
		s.hasBase, s.baseDigest = true, digestOf(id)
		s.hasDiff = caps.Supports(pb.CapDiffOp) == nil
	}
	if s.hasDiff {
		if diff, err = difference(ctx, base, s.state); err != nil {
			return nil, err
		}
	}
	eg, ctx := errgroup.WithContext(ctx)
	begin := func(to *gateway.Reference, def *pb.Definition, now bool) {
		eg.Go(func() (err error) {
			defer recovered(&err)
			*to, err = b.request(ctx, def, now)
			return err
		})
	}
	begin(&s.refBuilt, def, true)
	if s.hasBase {
		begin(&s.refBase, base, false)
	}
	if s.hasDiff {
		begin(&s.refChanged, diff, false)
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	return s, nil
}

// difference is what a stage has that its base image has not.
func difference(ctx context.Context, base *pb.Definition, built llb.State) (*pb.Definition, error) {
	op, err := llb.NewDefinitionOp(base)
	if err != nil {
		return nil, fmt.Errorf("reading the base image: %w", err)
	}
	diff, err := llb.Diff(llb.NewState(op), built, llb.WithCustomName("[whittle] what the build changed")).Marshal(ctx)
	if err != nil {
		return nil, fmt.Errorf("marshalling the difference: %w", err)
	}
	return diff.ToPB(), nil
}

// open makes the stage's trees, which are read as long as ctx lives.
func (s *stage) open(ctx context.Context) *stage {
	if s == nil {
		return nil
	}
	s.tree = reftree.New(ctx, s.refBuilt)
	s.changed = s.tree
	if s.hasBase {
		s.base = reftree.New(ctx, s.refBase)
		s.changed = tree.Difference{Base: s.base, Final: s.tree}
	}
	if s.hasDiff {
		s.changed = reftree.New(ctx, s.refChanged)
	}
	return s
}
