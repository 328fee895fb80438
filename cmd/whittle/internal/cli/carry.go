package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing/carry"
)

const carriedHelp = `Signatures and attestations of both of cosign's formats, and whatever else
refers to the image or to what is in it, come along, to registries with and
without the referrers API. What does not arrive is an error, and then there is
no tag. Nothing is verified on the way: whittle verify does that.`

func (a *app) copyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "copy SRC DST",
		Short: "Copy an image with everything that is attached to it",
		Long: `Copy copies an image, every platform of it and what is attached to them, between
registries and OCI layouts.

` + carriedHelp,
		Example: `  whittle copy registry.example/shop:1 mirror.example/shop:1
  whittle copy registry.example/shop:1 oci:shop:1`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error { return a.carry(c.Context(), args[0], args[1], asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) saveCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "save IMAGE DIR",
		Short: "Save an image with everything that is attached to it in a directory",
		Long: `Save writes an image into an OCI layout, for a registry that cannot be reached
from here: whittle load takes it there.

` + carriedHelp,
		Example: `  whittle save registry.example/shop:1 shop`,
		Args:    usageArgs(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.carry(c.Context(), args[0], "oci:"+args[1], asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) loadCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "load DIR IMAGE",
		Short: "Push an image that whittle save wrote, with everything attached to it",
		Long: `Load pushes an image out of an OCI layout, DIR or DIR:TAG.

` + carriedHelp,
		Example: `  whittle load shop registry.internal/shop:1`,
		Args:    usageArgs(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.carry(c.Context(), "oci:"+args[0], args[1], asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) carry(ctx context.Context, from, to string, asJSON bool) error {
	src, err := oci.ParseRef(from)
	if err != nil {
		return usage{hintLocal(from, err)}
	}
	dst, err := oci.ParseRef(to)
	if err != nil {
		return usage{err}
	}
	if dst.Name != nil && dst.Kind == oci.Docker || src.Name != nil && src.Kind == oci.Docker {
		return usage{errors.New("the docker engine keeps no signatures; copy between registries and OCI layouts")}
	}
	a.log.Infof("copying %s to %s", src.Place(), dst.Place())
	res, err := carry.Copy(ctx, src, dst, oci.Client{})
	if err != nil {
		return hintLocal(from, err)
	}
	if asJSON {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(res)
	}
	a.log.Infof("%d manifest(s), %d of them attached, and %d blob(s) of %d bytes", res.Manifests, len(res.Attached), res.Blobs, res.Bytes)
	_, err = fmt.Fprintln(a.Out, res.Digest)
	return err
}
