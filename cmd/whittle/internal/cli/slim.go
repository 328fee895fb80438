package cli

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/pack"
	ocisink "github.com/whittle-oci/whittle/builder/sink/oci"
)

// sourceHelp says what IMAGE may be, for the verbs that read an image's files.
const sourceHelp = `IMAGE is one of
  NAME[:TAG|@DIGEST]        in a registry; a name without a prefix always is
  oci:DIR[:TAG|@DIGEST]     an OCI layout
  docker-archive:FILE[:TAG] what docker save writes
  oci-archive:FILE[:TAG]    an OCI layout in a tar
  docker:NAME[:TAG]         an image of the docker engine
  ./PATH, ../PATH, /PATH    a layout directory or an archive of either kind`

func (a *app) slimCommand() *cobra.Command {
	f := &packed{}
	var platform, packages string
	c := &cobra.Command{
		Use:   "slim [flags] IMAGE",
		Short: "Make the minimal form of an existing image",
		Long: `Slim reads an image and writes an image of its programs, what they need, and
every file that belongs to no package, for the same platform. Without its
Dockerfile nothing is known of its base image, so whittle build makes smaller
images where there is a Dockerfile.

` + sourceHelp,
		Example: `  whittle slim -t registry.example/shop:slim --push registry.example/shop:1
  whittle slim -o type=oci,dest=slim.tar ./shop.tar`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if packages != "auto" && packages != "strict" {
				return usage{fmt.Errorf("--packages %s: want auto or strict", packages)}
			}
			f.options.StrictPackages = packages == "strict"
			if err := f.prepare(c.Context(), a); err != nil {
				return err
			}
			defer f.discard()
			src, err := openImage(c.Context(), args[0], platform)
			if err != nil {
				return err
			}
			defer src.Close()
			a.log.Infof("reading the image for %s in %s", oci.FormatPlatform(src.Platform), src.Place())
			s, err := pack.Image(c.Context(), src, f.options)
			if err != nil {
				return planError(err)
			}
			defer s.Tree.Close()
			f.source = src.Place()
			return a.finishPack(c, f, s.Plan, s.Tree, ocisink.Options{Architecture: s.Platform.Architecture, Variant: s.Platform.Variant})
		},
	}
	f.flags(c)
	c.Flags().StringVar(&packages, "packages", "auto", `"auto" follows the dependencies of packages to data and modules that programs open, "strict" follows files alone`)
	c.Flags().StringVar(&platform, "platform", "", "platform to take from an image index (default Linux on this machine's architecture); a single image is taken as it is")
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

// openImage finds an image wherever it may be.
func openImage(ctx context.Context, arg, platform string) (*oci.Source, error) {
	o := oci.OpenOptions{Docker: engine.SaveImage}
	if platform != "" {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			return nil, usage{fmt.Errorf("--platform: %w", err)}
		}
		o.Platform = p
	}
	ref, err := oci.ParseRef(arg)
	if err != nil {
		return nil, hintLocal(arg, err)
	}
	src, err := oci.Open(ctx, ref, o)
	if err != nil {
		return nil, hintRegistry(hintLocal(arg, err))
	}
	return src, nil
}
