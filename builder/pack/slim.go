package pack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/oci/layers"
)

// A Slimmed is the plan for an existing image.
type Slimmed struct {
	Plan *image.Plan
	Tree *layers.Tree
	// Platform is the image's own, and so that of its minimal form.
	Platform v1.Platform
}

// Image plans the minimal form of an existing image. What its layers hold
// beyond packages counts as the application's, since the base image is not
// known.
func Image(ctx context.Context, src *oci.Source, o decide.Options) (*Slimmed, error) {
	if src.Platform.OS != "linux" {
		return nil, &image.RefusedError{Message: fmt.Sprintf("%s is an image for %s, and only those for linux can be made smaller", src.Place(), oci.FormatPlatform(src.Platform))}
	}
	raw, err := src.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image configuration: %w", err)
	}
	var built dockerspec.DockerOCIImage
	if err := json.Unmarshal(raw, &built); err != nil {
		return nil, fmt.Errorf("reading the image configuration: %w", err)
	}
	t, err := layers.Open(ctx, src, layers.Limits{})
	if err != nil {
		return nil, err
	}
	p, err := decide.Decide(ctx, decide.Input{Tree: t, Changed: t, Config: built.Config, Options: o})
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return &Slimmed{p, t, src.Platform}, nil
}
