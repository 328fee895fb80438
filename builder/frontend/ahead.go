package frontend

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/graph"
)

// ahead sends the build context while registries are asked about the base
// images. What is sent does not depend on their answers, as a rule; where it
// does, the build sends what it needs itself. Nothing that goes wrong here
// matters, because the build then meets it too.
func (b *build) ahead(ctx context.Context) (err error) {
	defer recovered(&err)
	opt := b.convert(ctx, nil, 1)
	opt.MetaResolver = unasked{}
	conv, err := dockerfile2llb.Dockerfile2LLB(ctx, b.src.Data, opt)
	if err != nil {
		return err
	}
	def, err := conv.State.Marshal(ctx)
	if err != nil {
		return err
	}
	g, err := graph.Parse(def.ToPB())
	if err != nil {
		return err
	}
	eg, ctx := errgroup.WithContext(ctx)
	for _, d := range g.Order {
		if !strings.HasPrefix(g.Ops[d].GetSource().GetIdentifier(), "local://") {
			continue
		}
		eg.Go(func() (err error) {
			defer recovered(&err)
			local, err := g.UpTo(d, 0)
			if err != nil {
				return err
			}
			_, err = b.request(ctx, local, true)
			return err
		})
	}
	return eg.Wait()
}

// unasked answers for every image that it exists, without asking anybody.
type unasked struct{}

// ResolveImageConfig implements llb.ImageMetaResolver. An image without layers
// would count as scratch, so it has one.
func (unasked) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	p := platforms.DefaultSpec()
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		p = *opt.ImageOpt.Platform
	}
	config, err := json.Marshal(ocispecs.Image{Platform: p, RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(ref)}}})
	return ref, "", config, err
}
