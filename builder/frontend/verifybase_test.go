package frontend

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// knows is a builder that knows one image.
type knows struct {
	gateway.Client
	digest digest.Digest
}

// ResolveImageConfig implements gateway.Client.
func (k knows) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, k.digest, []byte("{}"), nil
}

// ResolveSourceMetadata implements gateway.Client.
func (k knows) ResolveSourceMetadata(_ context.Context, op *pb.SourceOp, _ sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return &sourceresolver.MetaResponse{Op: op, Image: &sourceresolver.ResolveImageResponse{Digest: k.digest}}, nil
}

// TestVerifyBase judges every image that is resolved, on each way, once a
// setting asks for it.
func TestVerifyBase(t *testing.T) {
	const name = "docker.io/library/alpine:3"
	sum := digest.FromString("alpine")
	bad := errors.New("nobody signed it")
	for label, c := range map[string]struct {
		patterns []string
		verify   func(context.Context, []string, string, string) error
		digest   digest.Digest
		opt      sourceresolver.Opt
		says     string // of the setting, or of resolving
	}{
		"not asked for":      {nil, nil, sum, sourceresolver.Opt{}, ""},
		"nobody to judge":    {[]string{"**"}, nil, sum, sourceresolver.Opt{}, "WHITTLE_VERIFY_BASE: verify-base: a BuildKit frontend reaches no registry"},
		"good":               {[]string{"**"}, func(context.Context, []string, string, string) error { return nil }, sum, sourceresolver.Opt{}, ""},
		"bad":                {[]string{"**"}, func(context.Context, []string, string, string) error { return bad }, sum, sourceresolver.Opt{}, bad.Error()},
		"no digest":          {[]string{"**"}, func(context.Context, []string, string, string) error { return nil }, "", sourceresolver.Opt{}, "has no digest"},
		"a layout of theirs": {[]string{"**"}, func(context.Context, []string, string, string) error { return nil }, sum, sourceresolver.Opt{OCILayoutOpt: &sourceresolver.ResolveOCILayoutOpt{}}, "lies in a layout"},
	} {
		t.Run(label, func(t *testing.T) {
			args := map[string]string{}
			if c.patterns != nil {
				args["WHITTLE_VERIFY_BASE"] = strings.Join(c.patterns, ",")
			}
			values, err := FromArgs(args)
			if err != nil {
				t.Fatal(err)
			}
			b := &build{}
			if b.config, err = config(values); err != nil {
				t.Fatal(err)
			}
			var asked []string
			if c.verify != nil {
				b.VerifyImage = func(ctx context.Context, patterns []string, name, digest string) error {
					asked = append(asked, name+"@"+digest)
					return c.verify(ctx, patterns, name, digest)
				}
			}
			cache := newResolveCache(knows{digest: c.digest})
			if cache.verify, err = b.verifier(); err == nil {
				_, _, _, err = cache.ResolveImageConfig(t.Context(), name, c.opt)
				_, meta := cache.ResolveSourceMetadata(t.Context(), &pb.SourceOp{Identifier: "docker-image://" + name}, c.opt)
				if (err == nil) != (meta == nil) {
					t.Errorf("one way says %v, the other %v", err, meta)
				}
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			for _, a := range asked {
				if a != name+"@"+c.digest.String() {
					t.Errorf("asked for %s", a)
				}
			}
		})
	}
}
