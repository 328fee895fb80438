package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/spf13/pflag"

	"github.com/whittle-oci/whittle/builder/debug"
	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/oci"
)

// A debugImage is what --debug asks for: the built image with tools, under a
// name of its own.
type debugImage struct {
	tag   name.Tag
	from  string                  // the image that the tools come from
	tools map[string]*debug.Tools // by platform
	dir   string                  // an OCI layout that has the image; "" for a registry
}

// prepareDebug reads --debug and looks for the tools, before anything is built.
// The result is nil when it is not asked for.
func (f *buildFlags) prepareDebug(ctx context.Context, fl *pflag.FlagSet, req *buildRequest) (*debugImage, error) {
	if f.debug == "" {
		return nil, nil
	}
	tags, err := imageTags([]string{f.debug})
	if err != nil {
		return nil, usage{fmt.Errorf("--debug %s: %w", f.debug, err)}
	}
	d := &debugImage{tag: tags[0], tools: map[string]*debug.Tools{}}
	switch {
	case f.dryRun:
		return nil, usage{errors.New("--debug needs a build, and --dry-run makes none")}
	case f.sign:
		return nil, usage{errors.New("--debug does not go with --sign, which signs one image; sign the other with whittle sign")}
	case slices.Contains(req.names, d.tag.Name()) || slices.ContainsFunc(f.tags, func(t string) bool { return t == f.debug }):
		return nil, usage{fmt.Errorf("--debug %s: the image itself has this name", f.debug)}
	case !f.push:
		if d.dir, err = layoutOf(req); err != nil {
			return nil, err
		}
	}
	if d.from, err = f.debugImage(fl, req); err != nil {
		return nil, err
	}
	platforms := f.platforms
	if len(platforms) == 0 {
		platforms = []string{""}
	}
	for _, p := range platforms {
		if _, err := d.toolsFor(ctx, p); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// layoutOf is the directory of the one OCI layout that a build writes.
func layoutOf(req *buildRequest) (string, error) {
	var dirs []string
	if req.places != nil {
		for _, p := range req.places.List {
			if p.Type == oci.TypeOCI && p.Dir {
				dirs = append(dirs, p.Dest)
			}
		}
	}
	if len(dirs) != 1 {
		return "", usage{errors.New("--debug needs --push, or -o type=oci,tar=false,dest=DIR")}
	}
	return dirs[0], nil
}

// debugImage is the image that tools come from, as the flag or the
// configuration says.
func (f *buildFlags) debugImage(fl *pflag.FlagSet, req *buildRequest) (string, error) {
	flags, err := frontend.FromFlags(f.settings(fl))
	if err != nil {
		return "", err
	}
	file, err := frontend.FromFile(req.configName, req.config)
	if err != nil {
		return "", err
	}
	from, err := frontend.DebugImage(flags, file)
	if from == "" {
		from = debug.DefaultImage
	}
	return from, err
}

// toolsFor gives the tools for a platform, "" for that of this machine.
func (d *debugImage) toolsFor(ctx context.Context, platform string) (*debug.Tools, error) {
	if t := d.tools[platform]; t != nil {
		return t, nil
	}
	src, err := openImage(ctx, d.from, platform)
	if err != nil {
		return nil, fmt.Errorf("looking for tools: %w", err)
	}
	defer src.Close()
	t, err := debug.ReadTools(src)
	if err != nil {
		return nil, usage{hinted{fmt.Errorf("debug-image %s: %w", d.from, err), "name an image with a static BusyBox, such as busybox:musl"}}
	}
	d.tools[platform] = t
	d.tools[oci.FormatPlatform(src.Platform)] = t
	return t, nil
}

// write adds the tools to the image of a digest and gives the new one's.
func (d *debugImage) write(ctx context.Context, req *buildRequest, digest string) (string, error) {
	if d.dir != "" {
		return d.writeLayout(ctx, digest)
	}
	tags, err := imageTags(req.names)
	if err != nil {
		return "", err
	}
	opts := oci.Client{}.Options(ctx)
	got, err := remote.Get(tags[0].Digest(digest), opts...)
	if err != nil {
		return "", hintRegistry(fmt.Errorf("reading what was pushed: %w", err))
	}
	if !got.MediaType.IsIndex() {
		img, err := got.Image()
		if err != nil {
			return "", err
		}
		img, err = d.with(ctx, img)
		if err != nil {
			return "", err
		}
		if err := remote.Write(d.tag, img, opts...); err != nil {
			return "", hintRegistry(fmt.Errorf("pushing %s: %w", d.tag, err))
		}
		h, err := img.Digest()
		return h.String(), err
	}
	index, err := got.ImageIndex()
	if err != nil {
		return "", err
	}
	index, err = d.withIndex(ctx, index)
	if err != nil {
		return "", err
	}
	if err := remote.WriteIndex(d.tag, index, opts...); err != nil {
		return "", hintRegistry(fmt.Errorf("pushing %s: %w", d.tag, err))
	}
	h, err := index.Digest()
	return h.String(), err
}

// with adds the tools to one image.
func (d *debugImage) with(ctx context.Context, img v1.Image) (v1.Image, error) {
	c, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	tools, err := d.toolsFor(ctx, oci.FormatPlatform(v1.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}))
	if err != nil {
		return nil, err
	}
	return tools.Image(img)
}

// withIndex adds the tools to every image of an index. Attestations are about
// other images.
func (d *debugImage) withIndex(ctx context.Context, index v1.ImageIndex) (v1.ImageIndex, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	out := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, member := range oci.Members(m) {
		if member.Attestation() {
			continue
		}
		img, err := index.Image(member.Digest)
		if err == nil {
			img, err = d.with(ctx, img)
		}
		if err != nil {
			return nil, err
		}
		out = mutate.AppendManifests(out, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: member.Platform}})
	}
	return out, nil
}

func (d *debugImage) writeLayout(ctx context.Context, digest string) (string, error) {
	ref, err := oci.ParseRef("oci:" + d.dir + "@" + digest)
	if err != nil {
		return "", err
	}
	src, err := oci.Open(ctx, ref, oci.OpenOptions{})
	if err != nil {
		return "", err
	}
	defer src.Close()
	img, err := d.with(ctx, src)
	if err != nil {
		return "", err
	}
	outputs, err := oci.ParseOutputs([]string{"type=oci,tar=false,dest=" + d.dir})
	if err != nil {
		return "", err
	}
	places, err := oci.Prepare(ctx, outputs, nil)
	if err != nil {
		return "", err
	}
	defer places.Discard()
	if err := oci.Write(ctx, img, oci.Delivery{Places: places, Names: []name.Tag{d.tag}}); err != nil {
		return "", err
	}
	h, err := img.Digest()
	return h.String(), err
}

// finishDebug makes the image with tools of the one that was built.
func (a *app) finishDebug(ctx context.Context, d *debugImage, req *buildRequest, digest string) (string, error) {
	if d == nil {
		return "", nil
	}
	if digest == "" {
		return "", errors.New("--debug: the builder gave no digest of the image")
	}
	got, err := d.write(ctx, req, digest)
	if err != nil {
		return "", fmt.Errorf("--debug: %w", err)
	}
	where := d.tag.Name()
	if d.dir != "" {
		where = "oci:" + d.dir + ":" + d.tag.TagStr()
	}
	a.log.Infof("%s has a shell and tools in %s on top of the image: docker run --rm -it --entrypoint %s/sh %s", strings.TrimPrefix(where, "index.docker.io/library/"), debug.Dir, debug.Dir, where)
	return got, nil
}
