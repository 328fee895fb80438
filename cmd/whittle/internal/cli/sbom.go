package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/signing"
)

func (a *app) sbomCommand() *cobra.Command {
	var platform, format string
	var asJSON bool
	c := &cobra.Command{
		Use:   "sbom IMAGE",
		Short: "Print the bill of materials that is attached to an image",
		Long: `Sbom prints the SPDX document that the builder attached to an image or that was
attested about it, unchanged. Who signed it is whittle verify's question.

` + imageHelp,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if format != "spdx" {
				return usage{fmt.Errorf("--format %s: want spdx", format)}
			}
			img, err := findImage(c.Context(), args[0])
			if err != nil {
				return err
			}
			docs, err := signing.Documents(c.Context(), img, signing.SPDXPredicate)
			if err != nil {
				return hintDocument(err, "build with --sbom")
			}
			a.log.Infof("reading %s", img)
			return a.printDocuments(img.String(), docs, platform, asJSON)
		},
	}
	c.Flags().StringVar(&format, "format", "spdx", "format of the document: spdx")
	c.Flags().StringVar(&platform, "platform", "", "platform of an index (default the first)")
	c.Flags().BoolVar(&asJSON, "json", false, "print the documents of all platforms, each with its platform and digest")
	return c
}

// printDocuments prints one platform's document, or all with what they are
// about.
func (a *app) printDocuments(image string, docs []signing.Document, platform string, all bool) error {
	var platforms []string
	for _, d := range docs {
		platforms = append(platforms, d.Platform)
	}
	if platform != "" {
		docs = slices.DeleteFunc(docs, func(d signing.Document) bool { return d.Platform != platform })
		if len(docs) == 0 {
			return refused{fmt.Errorf("%s has no SBOM for %s, but for %s", image, platform, strings.Join(platforms, ", "))}
		}
	}
	enc := json.NewEncoder(a.Out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if all {
		return enc.Encode(docs)
	}
	if len(docs) > 1 {
		a.log.Infof("the SBOM for %s; --platform chooses among %s", docs[0].Platform, strings.Join(platforms, ", "))
	}
	return enc.Encode(docs[0].Predicate)
}

// hintDocument adds how a document comes to be attached to an image that has
// none.
func hintDocument(err error, hint string) error {
	if v, ok := errors.AsType[*signing.VerifyError](err); ok && v.Why == signing.Unattested {
		return hinted{err, hint}
	}
	return err
}
