package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/whittle-oci/whittle/signing"
)

// prepareSigning opens the key and asks the registry, before anything is
// built: a build of minutes should not end at a wrong password.
func (f *buildFlags) prepareSigning(ctx context.Context, a *app) error {
	if !f.sign {
		return nil
	}
	flags := keyFlags{f.key, f.passwordFile, f.signFormat}
	key, format, err := flags.load(a)
	if err != nil {
		return err
	}
	f.signer, f.signedAs = key, format
	for _, t := range f.tags {
		ref, err := name.ParseReference(t, insecureLoopback(t)...)
		if err != nil {
			return usage{err}
		}
		if err := signing.CheckPush(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

// signBuilt signs what was pushed by digest, and then puts the tags.
func (a *app) signBuilt(ctx context.Context, f *buildFlags, req *buildRequest, digest string) error {
	if digest == "" {
		return errors.New("the builder gave no digest to sign")
	}
	repositories := map[string][]name.Tag{}
	for _, n := range req.names {
		tag, err := name.NewTag(n, insecureLoopback(n)...)
		if err != nil {
			return usage{err}
		}
		repositories[tag.Context().Name()] = append(repositories[tag.Context().Name()], tag)
	}
	for _, repo := range sortedKeys(repositories) {
		tags := repositories[repo]
		res, err := signing.Publish(ctx, tags[0].Context().Digest(digest), tags, f.signer, f.signedAs)
		if err != nil {
			return signError(err)
		}
		a.log.Infof("signed %d manifest(s), attested %d statement(s), tagged %d name(s)", len(res.Signed), len(res.Attested), len(tags))
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
