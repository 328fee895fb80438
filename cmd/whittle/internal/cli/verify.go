package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/signing"
)

func (a *app) verifyCommand() *cobra.Command {
	var keys, required []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify [flags] IMAGE",
		Short: "Verify who signed an image, and what is attested about it",
		Long: `Verify checks that an image is signed by one of the given keys, in either of
cosign's formats, and that every platform carries the attestations asked for. A
registry that cannot be asked is an error of its own: it does not mean that the
image is unsigned.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := imageArgument(args, "")
			if err != nil {
				return err
			}
			policy := signing.Policy{Attestations: predicateTypes(required)}
			for _, k := range keys {
				pem, err := os.ReadFile(k)
				if err != nil {
					return usage{fmt.Errorf("--key: %w", err)}
				}
				policy.Keys = append(policy.Keys, pem)
			}
			if len(keys) == 0 {
				return usage{errors.New("the policy names no one: give the public key with --key")}
			}
			d, err := signing.Resolve(c.Context(), ref)
			if err != nil {
				return err
			}
			res, err := signing.Verify(c.Context(), d, policy)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(a.Out)
				enc.SetIndent("", "  ")
				return enc.Encode(res)
			}
			for _, at := range res.Attestations {
				a.log.Infof("attested: %s of %s", at.Predicate, at.Digest)
			}
			_, err = fmt.Fprintf(a.Out, "%s is signed (%s)\n", d, res.Format)
			return err
		},
	}
	c.Flags().StringArrayVar(&keys, "key", nil, "public key; may be repeated, any one will do")
	c.Flags().StringSliceVar(&required, "attestation", nil, "predicate types that must be attested: spdx, slsaprovenance1, contents or a URI")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) sbomCommand() *cobra.Command {
	var platform string
	c := &cobra.Command{
		Use:   "sbom IMAGE",
		Short: "Print the bill of materials that is attached to an image",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := imageArgument(args, "")
			if err != nil {
				return err
			}
			d, err := signing.Resolve(c.Context(), ref)
			if err != nil {
				return err
			}
			docs, err := signing.Documents(c.Context(), d, signing.SPDXPredicate)
			if err != nil {
				return err
			}
			for _, doc := range docs {
				if platform != "" && doc.Platform != platform {
					continue
				}
				var pretty any
				if err := json.Unmarshal(doc.Predicate, &pretty); err != nil {
					return fmt.Errorf("reading the SBOM: %w", err)
				}
				enc := json.NewEncoder(a.Out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(pretty)
			}
			return refused{fmt.Errorf("%s has no SBOM for %s", d, platform)}
		},
	}
	c.Flags().StringVar(&platform, "platform", "", "platform of an index (default the first)")
	return c
}
