package signing

import (
	"context"
	"errors"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/builder/oci"
)

// CheckPush asks whether the registry would take a push, before there is
// anything to push.
func CheckPush(ctx context.Context, ref name.Reference, c oci.Client) error {
	if err := c.CheckPush(ctx, ref); err != nil {
		return registryError(oci.Registry.String()+" "+ref.Context().Name(), "asking to push to", err)
	}
	return nil
}

// SignThenTagRequest is an image that was pushed by digest and has no tag yet.
type SignThenTagRequest struct {
	Digest string     // "sha256:…", pushed to the repository of every tag
	Tags   []name.Tag // in one repository or several
	Client oci.Client
	Options
}

// SignThenTag signs and attests a digest in each repository, and only then
// puts the tags: when signing fails anywhere there is no tag. There is one
// result a repository, in order of their names.
func SignThenTag(ctx context.Context, req SignThenTagRequest) ([]Result, error) {
	if len(req.Tags) == 0 {
		return nil, errors.New("there is no tag to put")
	}
	byRepository := map[string]name.Repository{}
	for _, t := range req.Tags {
		byRepository[t.Repository.Name()] = t.Repository
	}
	var out []Result
	for _, n := range sortedKeys(byRepository) {
		img := Image{req.Digest, newRepository(byRepository[n], req.Client)}
		res, err := SignAndAttest(ctx, img, req.Options, Statements{Attached: true})
		if err != nil {
			return out, err
		}
		out = append(out, res)
	}
	for _, t := range req.Tags {
		desc, err := remote.Get(t.Context().Digest(req.Digest), req.Client.Options(ctx)...)
		if err != nil {
			return out, registryError(oci.Registry.String()+" "+t.Name(), "tagging", err)
		}
		if err := remote.Tag(t, desc, req.Client.Options(ctx)...); err != nil {
			return out, registryError(oci.Registry.String()+" "+t.Name(), "tagging", err)
		}
	}
	return out, nil
}
