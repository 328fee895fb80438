package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/signing"
)

func (a *app) verifyCommand() *cobra.Command {
	var keys, required, annotations []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify [flags] IMAGE",
		Short: "Verify who signed an image, and what is attested about it",
		Long: `Verify checks that an image is signed by one of the given keys, in either of
cosign's formats, and that the image or every platform of it carries the
attestations asked for. A registry that cannot be asked is an error of its own
(exit code 3): it does not mean that the image is unsigned. Nor do more
attachments than are looked at: 1,000 that are not by the keys, and 256 MiB.

` + imageHelp,
		Example: `  whittle verify --key cosign.pub --attestation spdx,contents registry.example/shop:1`,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			policy, err := policyOf(keys, required, annotations)
			if err != nil {
				return err
			}
			img, err := findImage(c.Context(), args[0])
			if err != nil {
				return err
			}
			res, err := signing.Verify(c.Context(), img, policy)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(a.Out)
				enc.SetIndent("", "  ")
				return enc.Encode(res)
			}
			for _, at := range res.Attestations {
				a.log.Infof("attested: %s", at.Attested)
			}
			_, err = fmt.Fprintf(a.Out, "%s is signed (%s)\n", img, res.Format)
			return err
		},
	}
	c.Flags().StringArrayVar(&keys, "key", nil, "public key; may be repeated, any one will do")
	c.Flags().StringArrayVarP(&annotations, "annotation", "a", nil, "NAME=VALUE annotation that the signature must have; may be repeated")
	c.Flags().StringSliceVar(&required, "attestation", nil, "predicate types that must be attested: a URI or one of "+shortNames())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// policyOf makes a policy of flags.
func policyOf(keys, required, annotations []string) (signing.Policy, error) {
	var p signing.Policy
	if len(keys) == 0 {
		return p, usage{errors.New("the policy names no one: give the public key with --key")}
	}
	kinds, err := predicateTypes("attestation", required)
	if err != nil {
		return p, err
	}
	for _, k := range kinds {
		p.Attestations = append(p.Attestations, signing.Requirement{Type: k})
	}
	if p.Annotations, err = keyValues("annotation", annotations); err != nil {
		return p, err
	}
	of, err := publicKeys(keys)
	p.Signers = signing.AnyOf(of...)
	return p, err
}

// publicKeys reads the files of --key.
func publicKeys(files []string) ([]signing.Identity, error) {
	var out []signing.Identity
	for _, f := range files {
		pem, err := signing.LoadPublicKey(f)
		if err != nil {
			return nil, usage{fmt.Errorf("--key: %w", err)}
		}
		id, err := signing.KeyIdentity(pem)
		if err != nil {
			return nil, usage{fmt.Errorf("--key: %w", err)}
		}
		out = append(out, id)
	}
	return out, nil
}
