package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/signing"
)

func (a *app) signCommand() *cobra.Command {
	var f signerFlags
	var metadata string
	var attest []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "sign [flags] [IMAGE]",
		Short: "Sign an image, every platform of it and what is attached to it",
		Long: `Sign signs a digest; a tag is resolved first, and the digest printed. Of an
index, every platform and every attestation manifest is signed too. What it
writes, cosign verifies.

It signs with a key, or with an identity that a certificate speaks for: that of
the job (--keyless), or of a token in a file. --signing-config says who is asked
for certificates, entries in a transparency log, and timestamps; with a key and
without it nobody is asked. --attest attests in the same go, with the same
certificate. What the same signer has signed already stays as it is.

` + imageHelp,
		Example: `  whittle sign --key cosign.key registry.example/shop:1
  whittle sign --keyless registry.example/shop:1
  whittle sign --key cosign.key --attest --attest=lint=lint.json registry.example/shop:1
  docker buildx build --push -t registry.example/shop --metadata-file m.json . && whittle sign --key cosign.key --metadata-file m.json`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.load(c.Context(), a)
			if err != nil {
				return err
			}
			images, err := imagesToSign(c.Context(), args, metadata)
			if err != nil {
				return err
			}
			st, err := statements(attest)
			if err != nil {
				return err
			}
			for _, img := range images {
				res, err := signing.SignAndAttest(c.Context(), img, o, st)
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
	c.Flags().StringArrayVar(&attest, "attest", nil, "attest as well: what the builder attached, a predicate type of it, or TYPE=FILE of your own; may be repeated")
	c.Flags().Lookup("attest").NoOptDefVal = attachedStatements
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
	if res.Removed > 0 {
		a.log.Infof("removed %d older attestation(s)", res.Removed)
	}
	if res.Kept > 0 {
		a.log.Infof("%d of these were there already", res.Kept)
	}
	_, err := fmt.Fprintln(a.Out, res.Digest)
	return err
}
