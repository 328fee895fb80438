package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/pack"
	ocisink "github.com/whittle-oci/whittle/builder/sink/oci"
)

func (a *app) slimCommand() *cobra.Command {
	f := &packed{}
	var platform string
	c := &cobra.Command{
		Use:   "slim [flags] IMAGE",
		Short: "Make the minimal form of an existing image",
		Long: `Slim reads an image from a registry, an OCI layout directory or a docker tar
and writes an image of its programs, what they need, and every file that belongs
to no package. Without its Dockerfile nothing is known of its base image, so
whittle build makes smaller images where there is a Dockerfile.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			p, err := v1.ParsePlatform(platform)
			if err != nil {
				return usage{fmt.Errorf("--platform: %w", err)}
			}
			img, err := openImage(c.Context(), args[0], *p)
			if err != nil {
				return err
			}
			s, err := pack.Image(c.Context(), img, f.options)
			if err != nil {
				return planError(err)
			}
			defer s.Tree.Close()
			return a.finishPack(c, f, s.Plan, s.Tree, ocisink.Options{Architecture: p.Architecture, Variant: p.Variant})
		},
	}
	f.flags(c)
	c.Flags().StringVar(&platform, "platform", "linux/amd64", "platform to take from an image index")
	return c
}

// planError gives the errors of a plan their exit code.
func planError(err error) error {
	var bad *image.RefusedError
	var unknown *image.UnsupportedError
	if errors.As(err, &bad) || errors.As(err, &unknown) {
		return refused{err}
	}
	return err
}

// openImage finds an image in a layout directory, a docker tar or a registry.
func openImage(ctx context.Context, ref string, p v1.Platform) (v1.Image, error) {
	if info, err := os.Stat(ref); err == nil {
		if !info.IsDir() {
			img, err := tarball.ImageFromPath(ref, nil)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", ref, err)
			}
			return img, nil
		}
		index, err := layout.ImageIndexFromPath(ref)
		if err != nil {
			return nil, fmt.Errorf("reading the layout %s: %w", ref, err)
		}
		return fromIndex(index, ref, p)
	}
	r, err := name.ParseReference(ref, insecureLoopback(ref)...)
	if err != nil {
		return nil, usage{fmt.Errorf("%s is neither a file nor an image name: %w", ref, err)}
	}
	img, err := remote.Image(r, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithPlatform(p))
	if err != nil {
		return nil, hintRegistry(fmt.Errorf("reading %s: %w", ref, err))
	}
	return img, nil
}

// fromIndex picks a platform's image, looking into indexes of indexes.
func fromIndex(index v1.ImageIndex, ref string, p v1.Platform) (v1.Image, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("reading the layout %s: %w", ref, err)
	}
	for _, d := range m.Manifests {
		switch {
		case d.MediaType.IsIndex():
			child, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, fmt.Errorf("reading the layout %s: %w", ref, err)
			}
			if img, err := fromIndex(child, ref, p); err == nil {
				return img, nil
			}
		case d.Platform == nil || d.Platform.OS == p.OS && d.Platform.Architecture == p.Architecture:
			return index.Image(d.Digest)
		}
	}
	return nil, fmt.Errorf("the layout %s has no image for %s", ref, p.String())
}
