package cli

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/signing"
)

func (a *app) whyCommand() *cobra.Command {
	var asJSON bool
	var keys []string
	c := &cobra.Command{
		Use:   "why IMAGE [PATH]",
		Short: "Explain why a file is in an image",
		Long: `Why reads the reasons that whittle build attached to an image, prints the one
of PATH, or of every file, and says whether they are signed. With --key it
reads only what that key has signed.

` + imageHelp,
		Example: `  whittle why registry.example/shop:1 /etc/ssl/certs/ca-certificates.crt
  whittle why --key cosign.pub registry.example/shop:1`,
		Args: usageArgs(cobra.RangeArgs(1, 2)),
		RunE: func(c *cobra.Command, args []string) error {
			by, err := publicKeys(c.Context(), keys)
			if err != nil {
				return err
			}
			img, err := findImage(c.Context(), args[0])
			if err != nil {
				return err
			}
			docs, err := signing.Documents(c.Context(), img, report.ContentsPredicate, by...)
			if err != nil {
				return hintWhy(err, len(by) > 0)
			}
			wanted := ""
			if len(args) == 2 {
				wanted = path.Clean("/" + args[1])
			}
			a.log.Infof("reading %s", img)
			return a.why(docs, img, wanted, asJSON)
		},
	}
	c.Flags().StringArrayVar(&keys, "key", nil, "public key that must have signed the reasons; may be repeated, any one will do")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func hintWhy(err error, signed bool) error {
	if signed {
		return hintDocument(err, "whittle attest signs the reasons that a build attached")
	}
	return hintDocument(err, "build with --sbom, --provenance or contents: true")
}

// reason is one line of why --json.
type reason struct {
	Source   string `json:"source"` // the place that was read
	Platform string `json:"platform"`
	Signed   bool   `json:"signed"`
	Verified bool   `json:"verified"` // by a key of --key
	report.File
}

func (a *app) why(docs []signing.Document, image signing.Image, wanted string, asJSON bool) error {
	found := []reason{}
	var left []string
	for _, d := range docs {
		r, err := report.Parse(d.Predicate)
		if err != nil {
			return fmt.Errorf("%s: %w", image, err)
		}
		files := r.Files
		if wanted != "" {
			files = r.Why(wanted)
		}
		for _, f := range files {
			found = append(found, reason{d.Source, r.Platform, d.Signed, d.Verified, f})
		}
		for _, l := range r.Left {
			if wanted != "" && (l.Path == wanted || strings.HasPrefix(wanted, l.Path+"/")) {
				left = append(left, fmt.Sprintf("%s %s", l.Path, l.Why))
			}
		}
	}
	if err := a.printReasons(found, len(docs) > 1, asJSON); err != nil {
		return err
	}
	a.sayWhoSigned(docs)
	switch {
	case len(found) > 0:
		return nil
	case len(left) > 0:
		return refused{fmt.Errorf("%s is not in %s: %s", wanted, image, left[0])}
	}
	return refused{fmt.Errorf("%s is not in %s", wanted, image)}
}

func (a *app) printReasons(found []reason, several, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(found)
	}
	for _, f := range found {
		prefix := ""
		if several {
			prefix = f.Platform + "  "
		}
		of := ""
		if f.Files > 0 {
			of = fmt.Sprintf(" (%d files, which are not listed one by one)", f.Files)
		}
		if _, err := fmt.Fprintf(a.Out, "%s%s%s  %s\n", prefix, image.Printable(f.Path), of, image.Printable(f.Reason)); err != nil {
			return err
		}
	}
	return nil
}

// sayWhoSigned says what the reasons are worth, once where it is the same of
// all platforms.
func (a *app) sayWhoSigned(docs []signing.Document) {
	said := map[string][]string{}
	var order []string
	for _, d := range docs {
		text := "are not signed: they are what the builder attached"
		switch {
		case d.Verified:
			text = "are signed by the given key"
		case d.Signed:
			text = "are signed; --key checks by whom"
		}
		if said[text] == nil {
			order = append(order, text)
		}
		said[text] = append(said[text], d.Platform)
	}
	for _, text := range order {
		of := ""
		if len(order) > 1 {
			of = " of " + strings.Join(said[text], ", ")
		}
		a.log.Infof("the reasons%s %s", of, text)
	}
}
