package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/contents"
	"github.com/whittle-oci/whittle/builder/report"
)

func (a *app) whyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "why IMAGE [PATH]",
		Short: "Say why a file is in an image",
		Long: `Why reads the reasons that whittle build attached to an image and prints the
one of PATH, or of every file. IMAGE is a name in a registry or an OCI layout
directory.`,
		Args: usageArgs(cobra.RangeArgs(1, 2)),
		RunE: func(c *cobra.Command, args []string) error {
			index, err := openIndex(c.Context(), args[0])
			if err != nil {
				return err
			}
			reports, err := contents.Read(index)
			if errors.Is(err, contents.ErrNone) {
				return refused{fmt.Errorf("%s: %w", args[0], err)}
			}
			if err != nil {
				return err
			}
			wanted := ""
			if len(args) == 2 {
				wanted = path.Clean("/" + args[1])
			}
			return a.why(reports, args[0], wanted, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// reason is one line of why --json.
type reason struct {
	Platform string `json:"platform"`
	report.File
}

func (a *app) why(reports []*report.Report, image, wanted string, asJSON bool) error {
	var found []reason
	var left []string
	for _, r := range reports {
		for _, f := range r.Files {
			if wanted == "" || f.Path == wanted || strings.HasPrefix(f.Path, wanted+"/") {
				found = append(found, reason{r.Platform, f})
			}
		}
		for _, l := range r.Left {
			if wanted != "" && (l.Path == wanted || strings.HasPrefix(wanted, l.Path+"/")) {
				left = append(left, fmt.Sprintf("%s %s", l.Path, l.Why))
			}
		}
	}
	if asJSON {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(found); err != nil {
			return err
		}
	} else {
		for _, f := range found {
			prefix := ""
			if len(reports) > 1 {
				prefix = f.Platform + "  "
			}
			if _, err := fmt.Fprintf(a.Out, "%s%s  %s\n", prefix, f.Path, f.Reason); err != nil {
				return err
			}
		}
	}
	switch {
	case len(found) > 0:
		return nil
	case len(left) > 0:
		return refused{fmt.Errorf("%s is not in %s: %s", wanted, image, left[0])}
	}
	return refused{fmt.Errorf("%s is not in %s", wanted, image)}
}

// openIndex finds an image index in a layout directory or a registry. A
// layout's one index inside its index.json is gone into.
func openIndex(ctx context.Context, ref string) (v1.ImageIndex, error) {
	if info, err := os.Stat(ref); err == nil && info.IsDir() {
		index, err := layout.ImageIndexFromPath(ref)
		if err != nil {
			return nil, fmt.Errorf("reading the layout %s: %w", ref, err)
		}
		m, err := index.IndexManifest()
		if err != nil {
			return nil, fmt.Errorf("reading the layout %s: %w", ref, err)
		}
		for _, d := range m.Manifests {
			if d.MediaType.IsIndex() {
				return index.ImageIndex(d.Digest)
			}
		}
		return index, nil
	}
	r, err := name.ParseReference(ref, insecureLoopback(ref)...)
	if err != nil {
		return nil, usage{fmt.Errorf("%s is neither a layout nor an image name: %w", ref, err)}
	}
	d, err := remote.Get(r, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	if !d.MediaType.IsIndex() {
		return nil, refused{fmt.Errorf("%s: %w", ref, contents.ErrNone)}
	}
	return d.ImageIndex()
}
