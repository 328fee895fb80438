package frontend

import (
	"context"
	"encoding/json"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/util/flightcontrol"
	digest "github.com/opencontainers/go-digest"
)

// resolveCache asks for the configuration of each base image once a build:
// the stages of a Dockerfile and its platforms ask again and again.
type resolveCache struct {
	gateway.Client
	group *flightcontrol.CachedGroup[resolved]
}

type resolved struct {
	ref    string
	digest digest.Digest
	config []byte
}

func newResolveCache(c gateway.Client) gateway.Client {
	return &resolveCache{c, &flightcontrol.CachedGroup[resolved]{}}
}

// ResolveImageConfig implements llb.ImageMetaResolver.
func (r *resolveCache) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	key, err := json.Marshal(struct {
		Ref string
		Opt sourceresolver.Opt
	}{ref, opt})
	if err != nil {
		return r.Client.ResolveImageConfig(ctx, ref, opt)
	}
	x, err := r.group.Do(ctx, string(key), func(ctx context.Context) (resolved, error) {
		ref, dgst, config, err := r.Client.ResolveImageConfig(ctx, ref, opt)
		return resolved{ref, dgst, config}, err
	})
	return x.ref, x.digest, x.config, err
}
