package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/flightcontrol"
	digest "github.com/opencontainers/go-digest"
)

// resolveCache asks for the configuration of each base image once a build:
// the stages of a Dockerfile and its platforms ask again and again.
type resolveCache struct {
	gateway.Client
	group *flightcontrol.CachedGroup[resolved]
	// verify judges an image before anything is built on it; nil where that
	// was not asked for. What it has judged is what is built on: BuildKit pins
	// an image to the digest that it is told here.
	verify func(ctx context.Context, ref string, dgst digest.Digest, opt sourceresolver.Opt) error
}

type resolved struct {
	ref    string
	digest digest.Digest
	config []byte
}

func newResolveCache(c gateway.Client) *resolveCache {
	return &resolveCache{Client: c, group: &flightcontrol.CachedGroup[resolved]{}}
}

// ResolveImageConfig implements llb.ImageMetaResolver.
func (r *resolveCache) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	key, err := json.Marshal(struct {
		Ref string
		Opt sourceresolver.Opt
	}{ref, opt})
	if err != nil {
		return "", "", nil, err
	}
	x, err := r.group.Do(ctx, string(key), func(ctx context.Context) (resolved, error) {
		ref, dgst, config, err := r.Client.ResolveImageConfig(ctx, ref, opt)
		if err == nil && r.verify != nil {
			err = r.verify(ctx, ref, dgst, opt)
		}
		return resolved{ref, dgst, config}, err
	})
	return x.ref, x.digest, x.config, err
}

// ResolveSourceMetadata implements sourceresolver.MetaResolver. Images are not
// resolved in this way where they are to be verified, as nobody would.
func (r *resolveCache) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	res, err := r.Client.ResolveSourceMetadata(ctx, op, opt)
	if err == nil && r.verify != nil && res.Image != nil {
		name, _ := strings.CutPrefix(op.GetIdentifier(), "docker-image://")
		err = r.verify(ctx, name, res.Image.Digest, opt)
	}
	if err != nil {
		return nil, err
	}
	return res, nil
}

// verifier is what judges images, nil where no setting asks for it.
func (b *build) verifier() (func(context.Context, string, digest.Digest, sourceresolver.Opt) error, error) {
	patterns := b.config.VerifyBase
	if len(patterns) == 0 {
		return nil, nil
	}
	if b.VerifyImage == nil {
		return nil, &ConfigError{b.config.verifySource, "verify-base: a BuildKit frontend reaches no registry to ask who signed an image; build with the command, whittle build, or let buildx judge with a policy of its own (docker buildx build --policy)"}
	}
	return func(ctx context.Context, ref string, dgst digest.Digest, opt sourceresolver.Opt) error {
		switch {
		case opt.OCILayoutOpt != nil:
			return fmt.Errorf("verify-base: the image %s lies in a layout that the client shares, and its signatures cannot be asked for; push it to a registry", ref)
		case dgst == "":
			return fmt.Errorf("verify-base: the image %s has no digest", ref)
		}
		return b.VerifyImage(ctx, patterns, ref, dgst.String())
	}, nil
}
