// Package samebuild says whether two Dockerfiles are the same build: the same
// operations for BuildKit to run and the same image configuration, for the
// last stage and every named one. It converts them as BuildKit's frontend does, against a registry that
// answers for every image from memory, so nothing is dialled and nothing runs.
package samebuild

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// A Build is what BuildKit would do for a Dockerfile.
type Build struct {
	stages []stage
}

type stage struct {
	ops    [][]byte // marshalled, in topological order, without source positions
	config []byte   // the image's configuration without its history
}

// Convert makes the builds of all stages. ARGs without a default get a value
// that is the same for every file.
func Convert(ctx context.Context, f *dockerfile.File) (b Build, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("converting %s: BuildKit failed inside: %v", f.Name, r)
		}
	}()
	args := buildArgs(f)
	for i := range f.Stages {
		// A stage without a name can be asked for only when it is the last;
		// it is a part of those that are made from it.
		target := f.Stages[i].Name
		if i+1 == len(f.Stages) {
			target = ""
		} else if target == "" {
			continue
		}
		s, err := convert(ctx, f, target, args)
		if err != nil {
			return b, fmt.Errorf("converting stage %d of %s: %w", i, f.Name, err)
		}
		b.stages = append(b.stages, s)
	}
	return b, nil
}

// Difference says in what two builds differ, "" when they are the same.
func Difference(a, b Build) string {
	if len(a.stages) != len(b.stages) {
		return fmt.Sprintf("%d stages and %d", len(a.stages), len(b.stages))
	}
	for i := range a.stages {
		x, y := a.stages[i], b.stages[i]
		if !bytes.Equal(x.config, y.config) {
			return fmt.Sprintf("stage %d: the image configuration\n%s\n%s", i, x.config, y.config)
		}
		if len(x.ops) != len(y.ops) {
			return fmt.Sprintf("stage %d: %d operations and %d", i, len(x.ops), len(y.ops))
		}
		for n := range x.ops {
			if !bytes.Equal(x.ops[n], y.ops[n]) {
				return fmt.Sprintf("stage %d: operation %d\n%s\n%s", i, n, describe(x.ops[n]), describe(y.ops[n]))
			}
		}
	}
	return ""
}

func describe(op []byte) string {
	var o pb.Op
	if err := o.Unmarshal(op); err != nil {
		return err.Error()
	}
	return o.String()
}

// buildArgs gives every ARG without a default a value. Those that BuildKit
// fills in itself, or reads as something else than text, have one already.
func buildArgs(f *dockerfile.File) map[string]string {
	out := map[string]string{}
	defer func() {
		for _, own := range []string{"SOURCE_DATE_EPOCH", "BUILDPLATFORM", "TARGETPLATFORM"} {
			delete(out, own)
		}
	}()
	for _, a := range f.MetaArgs {
		for _, kv := range a.Args {
			if kv.Value == nil {
				out[kv.Key] = "stub"
			}
		}
	}
	for _, in := range f.Instructions {
		if a, ok := in.Command.(*instructions.ArgCommand); ok {
			for _, kv := range a.Args {
				if _, known, _ := f.Variable(in, kv.Key); kv.Value == nil && !known {
					out[kv.Key] = "stub"
				}
			}
		}
	}
	return out
}

func convert(ctx context.Context, f *dockerfile.File, target string, args map[string]string) (s stage, err error) {
	caps := pb.Caps.CapSet(pb.Caps.All())
	platform := platforms.MustParse("linux/amd64")
	local := llb.Local("context", llb.SharedKeyHint("context"))
	res, err := dockerfile2llb.Dockerfile2LLB(ctx, f.Bytes, dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs: maps.Clone(args), Target: target,
			TargetPlatforms: []ocispecs.Platform{platform}, BuildPlatforms: []ocispecs.Platform{platform},
		},
		MainContext: &local, MetaResolver: registry{}, TargetPlatform: &platform, LLBCaps: &caps,
	})
	if err != nil {
		return s, err
	}
	def, err := res.State.Marshal(ctx, llb.LinuxAmd64, llb.WithCaps(caps), llb.LocalUniqueID("context"))
	if err != nil {
		return s, err
	}
	s.ops = def.Def
	res.Image.History = nil
	s.config, err = json.Marshal(res.Image)
	return s, err
}

// registry has one image for every reference.
type registry struct{}

// ResolveImageConfig implements llb.ImageMetaResolver. An image without layers
// would count as scratch, so it has one.
func (registry) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	img := ocispecs.Image{
		Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
		RootFS:   ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(ref)}},
	}
	img.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	img.Config.Cmd = []string{"/bin/sh"}
	dt, err := json.Marshal(img)
	return ref, digest.FromString(ref), dt, err
}
