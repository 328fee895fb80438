package cli

import (
	"context"
	"errors"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing"
)

// prepareSigning opens the key and asks the registry, before anything is
// built: a build of minutes should not end at a wrong password.
func (f *buildFlags) prepareSigning(ctx context.Context, a *app) error {
	if !f.sign {
		return nil
	}
	f.signing.format, f.signing.configFile = f.signFormat, f.configFile
	o, err := f.signing.load(ctx, a)
	if err != nil {
		return err
	}
	f.signer = o
	for _, t := range f.tags {
		ref, err := oci.ParseName(t)
		if err != nil {
			return usage{err}
		}
		if err := signing.CheckPush(ctx, ref, oci.Client{}); err != nil {
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
	tags, err := imageTags(req.names)
	if err != nil {
		return err
	}
	results, err := signing.SignThenTag(ctx, signing.SignThenTagRequest{Digest: digest, Tags: tags, Options: f.signer})
	if err != nil {
		return err
	}
	for _, res := range results {
		a.log.Infof("signed %d manifest(s), attested %d statement(s) of %s", len(res.Signed), len(res.Attested), res.Image)
	}
	return nil
}
