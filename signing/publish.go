package signing

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// CheckPush asks whether the registry would take a push, before there is
// anything to push.
func CheckPush(ctx context.Context, ref name.Reference, r Remote) error {
	// The library's check knows no context.
	bounded := roundTrip(func(q *http.Request) (*http.Response, error) { return r.transport().RoundTrip(q.WithContext(ctx)) })
	patient := transport.NewRetry(bounded, transport.WithRetryBackoff(r.backoff()), transport.WithRetryStatusCodes(retried...))
	if err := remote.CheckPushPermission(ref, r.keychain(), patient); err != nil {
		return registryError(ref.Context().String(), "asking to push to", err)
	}
	return nil
}

// roundTrip is a function that sends a request.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// SignThenTagRequest is an image that was pushed by digest and has no tag yet.
type SignThenTagRequest struct {
	Digest string     // "sha256:…", pushed to the repository of every tag
	Tags   []name.Tag // in one repository or several
	Remote Remote
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
		img := Image{req.Digest, newRepository(byRepository[n], req.Remote)}
		res, err := Sign(ctx, img, req.Options)
		if err != nil {
			return out, err
		}
		attested, err := Attest(ctx, img, req.Options, nil)
		if err != nil {
			return out, err
		}
		res.Attested, res.Kept = attested.Attested, res.Kept+attested.Kept
		out = append(out, res)
	}
	for _, t := range req.Tags {
		desc, err := remote.Get(t.Context().Digest(req.Digest), req.Remote.options(ctx)...)
		if err != nil {
			return out, registryError(t.String(), "tagging", err)
		}
		if err := remote.Tag(t, desc, req.Remote.options(ctx)...); err != nil {
			return out, registryError(t.String(), "tagging", err)
		}
	}
	return out, nil
}
