package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/signing"
)

func (a *app) signCommand() *cobra.Command {
	var f keyFlags
	var metadata string
	var asJSON bool
	c := &cobra.Command{
		Use:   "sign [flags] [IMAGE]",
		Short: "Sign an image, every platform of it and what is attached to it",
		Long: `Sign signs a digest; a tag is resolved first, and the digest printed. Of an
index, every platform and every attestation manifest is signed too. What it
writes, cosign verifies. No transparency log is asked.

` + imageHelp,
		Example: `  whittle sign --key cosign.key registry.example/shop:1
  docker buildx build --push -t registry.example/shop --metadata-file m.json . && whittle sign --key cosign.key --metadata-file m.json`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.load(a)
			if err != nil {
				return err
			}
			images, err := imagesToSign(c.Context(), args, metadata)
			if err != nil {
				return err
			}
			for _, img := range images {
				res, err := signing.Sign(c.Context(), img, o)
				if err != nil {
					return err
				}
				if err := a.printSigned(res, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f.register(c.Flags())
	c.Flags().StringArrayVarP(&f.annotations, "annotation", "a", nil, "NAME=VALUE annotation of the signature; may be repeated")
	c.Flags().StringVar(&metadata, "metadata-file", "", "take the image from what docker buildx build --metadata-file wrote")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// printSigned prints the digest, and says to people what was done.
func (a *app) printSigned(res signing.Result, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(res)
	}
	for _, s := range res.Signed {
		a.log.Infof("signed %s in %s", s, res.Source)
	}
	for _, s := range res.Attested {
		a.log.Infof("attested %s in %s", s, res.Source)
	}
	if res.Kept > 0 {
		a.log.Infof("%d of these were there already", res.Kept)
	}
	_, err := fmt.Fprintln(a.Out, res.Digest)
	return err
}
