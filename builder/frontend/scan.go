package frontend

import (
	"context"
	"fmt"
	"sync"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/attestations/sbom"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/result"
)

// scan runs the SBOM generator that the client names over the finished image,
// with the stage it came from beside it: a scanner sees few packages in an
// image that has no package manager. Of an image that was not made minimal only
// a generator can tell.
func (a *attestations) scan(ctx context.Context, rb *dockerui.ResultBuilder, mu *sync.Mutex, id string) error {
	b := a.b
	ref, ok := rb.FindRef(id)
	if !ok || ref == nil {
		return nil
	}
	core, err := ref.ToState()
	if err != nil {
		return fmt.Errorf("scanning for packages: %w", err)
	}
	platform := b.ui.BuildPlatforms[0]
	scanner, err := sbom.CreateSBOMScanner(ctx, b.client, b.ui.SBOM.Generator, platform, sourceresolver.Opt{
		ImageOpt: &sourceresolver.ResolveImageOpt{ResolveMode: b.client.BuildOpts().Opts["image-resolve-mode"], Platform: &platform},
	}, b.ui.SBOM.Parameters)
	if err != nil {
		return fmt.Errorf("scanning for packages with %s: %w", b.ui.SBOM.Generator, err)
	}
	extras := map[string]llb.State{}
	if st, ok := a.stages[id]; ok {
		extras["built"] = st
	}
	att, err := scanner(ctx, id, core, extras)
	if err != nil {
		return fmt.Errorf("scanning for packages with %s: %w", b.ui.SBOM.Generator, err)
	}
	solved, err := result.ConvertAttestation(&att, func(st *llb.State) (gateway.Reference, error) {
		def, err := st.Marshal(ctx)
		if err != nil {
			return nil, err
		}
		return b.shipped(ctx, def.ToPB())
	})
	if err != nil {
		return fmt.Errorf("scanning for packages with %s: %w", b.ui.SBOM.Generator, err)
	}
	mu.Lock()
	defer mu.Unlock()
	rb.AddAttestation(id, *solved)
	return nil
}
