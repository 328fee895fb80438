package signing

import (
	"context"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// CheckPush asks whether the registry would take a push, before there is
// anything to push.
func CheckPush(_ context.Context, ref name.Reference) error {
	if err := remote.CheckPushPermission(ref, authn.DefaultKeychain, http.DefaultTransport); err != nil {
		return &RegistryError{ref.Context().String(), "asking to push to", err}
	}
	return nil
}

// Publish signs and attests a digest that was pushed without a tag, and only
// then puts the tags. When signing fails there is no tag.
func Publish(ctx context.Context, d name.Digest, tags []name.Tag, key *Key, f Format) (*Result, error) {
	res, err := Sign(ctx, d, key, f)
	if err != nil {
		return nil, err
	}
	att, err := Attest(ctx, d, key, f, nil)
	if err != nil {
		return nil, err
	}
	res.Attested = att.Attested
	desc, err := remote.Get(d, options(ctx)...)
	if err != nil {
		return nil, &RegistryError{d.String(), "reading", err}
	}
	for _, t := range tags {
		if err := remote.Tag(t, desc, options(ctx)...); err != nil {
			return nil, &RegistryError{t.String(), "tagging", err}
		}
	}
	return res, nil
}
