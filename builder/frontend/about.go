package frontend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerui"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/builder/tree/reftree"
)

// About is what a Check may ask about a build beside its Dockerfile. Nothing is
// transferred or resolved before it is asked.
type About interface {
	// Files gives the beginnings of files in the build context, without what
	// the ignore file leaves out, by slash-separated path. names are paths in
	// which * stands for any text within one name.
	Files(names []string) map[string][]byte
	// User gives the user that an image runs as, "" for root. ok is false
	// where the registry could not say.
	User(ref string) (user string, ok bool)
}

// about asks the builder.
type about struct {
	ctx context.Context
	b   *build
}

// The bounds of what a Check is given of the context.
const (
	maxAboutFiles = 200
	maxAboutBytes = 64 << 10 // of a file
)

// Files implements About. A context that is not the client's directory is not
// looked at: it would have to be fetched as a whole.
func (a about) Files(names []string) map[string][]byte {
	if _, remote := a.b.client.BuildOpts().Opts["context"]; remote || len(names) == 0 {
		return nil
	}
	// Under a hint of its own, so that the context itself is not thrown away
	// for what little this is of it.
	st, err := a.b.ui.MainContext(a.ctx, llb.FollowPaths(names), llb.SharedKeyHint("context-credentials"),
		llb.Differ(llb.DiffNone, false), llb.WithCustomName("[internal] look for credentials"))
	if err != nil || st == nil {
		return nil
	}
	def, err := st.Marshal(a.ctx)
	if err != nil {
		return nil
	}
	ref, err := a.b.request(a.ctx, def.ToPB(), false)
	if err != nil || ref == nil {
		return nil
	}
	out := map[string][]byte{}
	t := reftree.New(a.ctx, ref)
	_ = tree.Walk(a.ctx, t, "/", func(name string, e tree.Entry) error {
		if len(out) >= maxAboutFiles {
			return errEnough
		}
		if !e.IsRegular() {
			return nil
		}
		data, err := beginning(a.ctx, t, name, e.Size)
		if err == nil {
			out[strings.TrimPrefix(name, "/")] = data
		}
		return nil
	})
	return out
}

var errEnough = fmt.Errorf("more than %d files", maxAboutFiles)

// beginning reads a file up to the bound.
func beginning(ctx context.Context, t tree.Tree, name string, size int64) ([]byte, error) {
	r, err := t.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	data := make([]byte, min(size, maxAboutBytes))
	n, err := r.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data[:n], nil
}

// User implements About. It asks in the words of the build itself, so that the
// registry is asked once. A name that --build-context gives another meaning is
// not looked up.
func (a about) User(ref string) (user string, ok bool) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", false
	}
	if other, err := a.b.ui.NamedContext(ref, dockerui.ContextOpt{}); err != nil || other != nil {
		return "", false
	}
	full := reference.TagNameOnly(named).String()
	opt := sourceresolver.Opt{
		LogName:  "[internal] load metadata for " + full,
		ImageOpt: &sourceresolver.ResolveImageOpt{ResolveMode: a.b.ui.ImageResolveMode.String()},
	}
	switch ui := a.b.ui; {
	case len(ui.TargetPlatforms) > 0:
		opt.ImageOpt.Platform = &ui.TargetPlatforms[0]
	case len(ui.BuildPlatforms) > 0:
		opt.ImageOpt.Platform = &ui.BuildPlatforms[0]
	}
	_, _, data, err := a.b.client.ResolveImageConfig(a.ctx, full, opt)
	if err != nil {
		return "", false
	}
	var img ocispecs.Image
	if json.Unmarshal(data, &img) != nil {
		return "", false
	}
	return img.Config.User, true
}
