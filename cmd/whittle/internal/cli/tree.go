package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/signing"
)

func (a *app) treeCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "tree [flags] IMAGE",
		Short: "Show what hangs on an image, and who signed it",
		Long: `Tree lists an image, its platforms and its attestation manifests, and what is
attached to each, with who signed it. That is what the signature says of itself,
in brackets, unless --key or --certificate-identity name who is believed: what is
by them is marked as verified.

` + imageHelp,
		Example: `  whittle tree registry.example/shop:1
  whittle tree --key cosign.pub registry.example/shop:1`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.tree(c.Context(), &f, args[0]) },
	}
	f.registerNames(c.Flags())
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

func (a *app) tree(ctx context.Context, f *verifyFlags, image string) error {
	var by []signing.Identity
	if f.named() {
		p, err := f.given(ctx)
		if err != nil {
			return err
		}
		by = p.Signers.Of
	}
	img, err := findImage(ctx, image)
	if err != nil {
		return err
	}
	branches, err := signing.Tree(ctx, img, by...)
	if err != nil {
		return err
	}
	if f.json {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(branches)
	}
	return printTree(a.Out, img, branches)
}

func printTree(w io.Writer, img signing.Image, branches []signing.Branch) error {
	var out strings.Builder
	fmt.Fprintln(&out, img)
	for i, b := range branches {
		indent := "  "
		if i == 0 {
			indent = ""
		}
		what := b.Kind
		switch {
		case b.Platform != "":
			what += " " + b.Platform
		case b.About != "":
			what += " of " + b.About
		}
		fmt.Fprintf(&out, "%s%s  %s\n", indent, b.Digest, what)
		for _, l := range b.Leaves {
			fmt.Fprintf(&out, "%s  - %s\n", indent, leaf(l))
		}
		if b.Problem != "" {
			fmt.Fprintf(&out, "%s  ! %s\n", indent, b.Problem)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// leaf is one line: what it is, and who signed it.
func leaf(l signing.Leaf) string {
	if l.Format == "" {
		return firstWord(l.ArtifactType, "of no type") + " " + l.Digest
	}
	what := "attestation " + l.PredicateType
	if l.Signature {
		what = "signature"
	}
	who := firstWord(l.Subject, l.Key, "a key that it does not name")
	if l.Issuer != "" {
		who += ", vouched for by " + l.Issuer
	}
	if l.Verified {
		return fmt.Sprintf("%s (%s) by %s, verified", what, l.Format, who)
	}
	return fmt.Sprintf("%s (%s) by [%s]", what, l.Format, who)
}

func (a *app) cleanCommand() *cobra.Command {
	var f verifyFlags
	var dry bool
	c := &cobra.Command{
		Use:   "clean [flags] IMAGE",
		Short: "Remove signatures and attestations by given signers from an image",
		Long: `Clean removes what the given keys or identities have signed from an image and
from all that is in it. What others signed stays, and so does what a registry does
not let go, which is named. In the older format all signatures of a digest are one
manifest; it goes only where all of them are by the given signers.

` + imageHelp,
		Example: `  whittle clean --key cosign.pub --dry-run registry.example/shop:1`,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE:    func(c *cobra.Command, args []string) error { return a.clean(c.Context(), &f, dry, args[0]) },
	}
	f.registerNames(c.Flags())
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would go, and remove nothing")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

func (a *app) clean(ctx context.Context, f *verifyFlags, dry bool, image string) error {
	p, err := f.given(ctx)
	if err != nil {
		return err
	}
	img, err := findImage(ctx, image)
	if err != nil {
		return err
	}
	res, err := signing.Clean(ctx, img, dry, p.Signers.Of...)
	if err != nil {
		return err
	}
	if f.json {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(res); err != nil {
			return err
		}
	}
	word := "removed"
	if dry {
		word = "would remove"
	}
	for _, l := range res.Removed {
		a.log.Infof("%s %s", word, leaf(l))
	}
	for _, l := range res.Left {
		a.log.Warnf("stays: %s", leaf(l))
	}
	if len(res.Left) > 0 {
		return refused{fmt.Errorf("%d of %d stay: the registry does not let them go, or others' signatures are in the same manifest", len(res.Left), len(res.Left)+len(res.Removed))}
	}
	return nil
}
