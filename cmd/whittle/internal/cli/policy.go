package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/admission"
)

func (a *app) policyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Write the policy of verify for others",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	export := &cobra.Command{
		Use:   "export",
		Short: "Write the policy for an admission controller",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	export.AddCommand(a.policyControllerCommand())
	c.AddCommand(export)
	return c
}

func (a *app) policyControllerCommand() *cobra.Command {
	var f verifyFlags
	var format, root string
	c := &cobra.Command{
		Use:   "policy-controller",
		Short: "Write ClusterImagePolicies for sigstore's policy-controller",
		Long: `Policy-controller prints ClusterImagePolicies for the policies of .whittle.yaml
or of --policy, and warns of everything that it cannot check there. What it could
not check at all is an error.`,
		Example: `  whittle policy export policy-controller --policy policy.yaml > policies.yaml`,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			kind, err := signing.ParseFormat(format)
			if err != nil {
				return usage{fmt.Errorf("--format: %w", err)}
			}
			return a.exportPolicy(c.Context(), &f, admission.Options{Format: kind, TrustRoot: root})
		},
	}
	c.Flags().StringVar(&f.policy, "policy", "", "policy `FILE` (default the section verify of .whittle.yaml)")
	c.Flags().StringVar(&f.configFile, "config", "", "configuration `FILE` (default .whittle.yaml here and above)")
	c.Flags().StringVar(&format, "format", string(signing.Bundle), "format that the images are signed in: bundle or legacy")
	c.Flags().StringVar(&root, "trust-root", "", "name of the TrustRoot resource of a private Sigstore")
	return c
}

func (a *app) exportPolicy(ctx context.Context, f *verifyFlags, o admission.Options) error {
	file, err := f.policies()
	if err != nil {
		return err
	}
	if file.Verify == nil || len(file.Verify.Policies) == 0 {
		return usage{hinted{errors.New("there is no policy"), "write one in the section verify of .whittle.yaml, or name a file with --policy"}}
	}
	o.Keys = func(ctx context.Context, key string) ([]byte, error) { return publicKey(ctx, file.path(key)) }
	out, left, err := admission.PolicyController(ctx, file.Verify, o)
	if err != nil {
		return err
	}
	for _, l := range left {
		a.log.Warn(l)
	}
	_, err = a.Out.Write(out)
	return err
}
