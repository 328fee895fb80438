package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/lint/discover"
	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/config"
)

// A baseError is an image that is built on and was refused, or could not be
// judged.
type baseError struct {
	name string
	err  error
}

func (e *baseError) Error() string {
	return fmt.Sprintf("the image %s that is built on: %v", e.name, e.err)
}

func (e *baseError) Unwrap() error { return e.err }

// baseVerifier judges the images that a build is built on, each once. It reads
// the policy when the first one is asked for.
func (f *buildFlags) baseVerifier(a *app) func(ctx context.Context, patterns []string, name, digest string) error {
	policies := sync.OnceValues(f.basePolicies)
	var seen sync.Map // name and digest to a function that judges once
	return func(ctx context.Context, patterns []string, name, digest string) error {
		repository, err := policyName(name)
		if err != nil {
			return err
		}
		if !config.Match(patterns, repository) {
			a.log.Debugf("%s is not verified: no pattern of verify-base is for it", name)
			return nil
		}
		judge, _ := seen.LoadOrStore(repository+"@"+digest, sync.OnceValue(func() error { return a.verifyBase(ctx, policies, name, repository, digest) }))
		if err := judge.(func() error)(); err != nil {
			return &baseError{name, err}
		}
		return nil
	}
}

// basePolicies reads the policy file, or the configuration of the build.
func (f *buildFlags) basePolicies() (signingFile, error) {
	v := verifyFlags{policy: f.basePolicy}
	if v.configFile = f.configFile; v.configFile == "" && f.file != "" && f.file != "-" {
		if dir, err := filepath.Abs(filepath.Dir(f.file)); err == nil {
			v.configFile = discover.Nearest(dir, configName)
		}
	}
	return v.policies()
}

func (a *app) verifyBase(ctx context.Context, policies func() (signingFile, error), name, repository, digest string) error {
	file, err := policies()
	if err != nil {
		return err
	}
	if file.Verify == nil || len(file.Verify.Policies) == 0 {
		return usage{hinted{fmt.Errorf("verify-base: no policy says who must have signed %s", repository), "write one in the section verify of .whittle.yaml, or name a file with --base-policy"}}
	}
	p, err := (&verifyFlags{}).policyFor(ctx, file, repository)
	if err != nil {
		return err
	}
	ref, err := oci.ParseDigest(repository + "@" + digest)
	if err != nil {
		return err
	}
	img, err := signing.OpenRegistry(ctx, ref, oci.Client{})
	if err != nil {
		return err
	}
	res, err := signing.Verify(ctx, img, p)
	if err != nil {
		return err
	}
	for _, w := range res.SignedBy {
		a.log.Infof("%s@%s is signed by %s", name, digest, witness(w))
	}
	return nil
}
