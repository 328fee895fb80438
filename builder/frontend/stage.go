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

// stage is the built final stage, ready to be looked at.
type stage struct {
	state     llb.State
	tree      tree.Tree
	changed   tree.Tree // nil when the stage has nothing besides its base
	base      tree.Tree // nil when the stage began from scratch
	baseState llb.State // the zero value when the stage began from scratch
	// baseDigest is the digest of the base image, "" when it is not known.
	baseDigest string
}

// stage solves the final stage, what it changed and what it began from, side
// by side.
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
	caps := b.client.BuildOpts().LLBCaps
	if base != nil && caps.Supports(pb.CapDiffOp) == nil {
		if diff, err = difference(ctx, base, s.state); err != nil {
			return nil, err
		}
	}
	var ref, changed, from gateway.Reference
	eg, egctx := errgroup.WithContext(ctx)
	begin := func(to *gateway.Reference, def *pb.Definition, now bool) {
		eg.Go(func() (err error) {
			defer recovered(&err)
			*to, err = b.request(egctx, def, now)
			return err
		})
	}
	begin(&ref, def, true)
	if base != nil {
		op, err := llb.NewDefinitionOp(base)
		if err != nil {
			return nil, fmt.Errorf("reading the base image: %w", err)
		}
		s.baseState, s.baseDigest = llb.NewState(op), digestOf(id)
		begin(&from, base, false)
	}
	if diff != nil {
		begin(&changed, diff, false)
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	s.tree = reftree.New(ctx, ref)
	switch {
	case diff != nil:
		s.base, s.changed = reftree.New(ctx, from), reftree.New(ctx, changed)
	case base != nil:
		s.base = reftree.New(ctx, from)
		s.changed = tree.Difference{Base: s.base, Final: s.tree}
	default:
		s.changed = s.tree
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
