package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/inspect"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/page"
	"github.com/whittle-oci/whittle/signing"
)

func (a *app) diffCommand() *cobra.Command {
	var platform string
	var exitOn []string
	var asJSON, markdown bool
	var pages pageFlag
	c := &cobra.Command{
		Use:   "diff IMAGE_A IMAGE_B",
		Short: "Say what two images differ in",
		Long: `Diff compares two images: files with their content, rights and owner, the reason
of every file where both have them attached, what ELF files need, packages,
configuration and the names of variables. Values of variables are not printed.
What is attached to one of them alone, such as signatures, is told beside it.

The exit code is 1 when they differ in what --exit-on names: files, packages,
config, user, or size=5%, by which share the second may be larger.

` + sourceHelp,
		Example: `  whittle diff registry.example/shop:1 registry.example/shop:2
  whittle diff --markdown --exit-on user,size=5% oci:before oci:after`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			if asJSON && markdown {
				return usage{errors.New("--json and --markdown do not go together")}
			}
			var conditions []inspect.Condition
			for _, s := range exitOn {
				cond, err := inspect.ParseCondition(s)
				if err != nil {
					return usage{fmt.Errorf("--exit-on: %w", err)}
				}
				conditions = append(conditions, cond)
			}
			if err := pages.open(c.Context(), a); err != nil {
				return err
			}
			defer pages.discard()
			d, err := a.diff(c.Context(), args, platform, pages.wanted())
			if err != nil {
				return err
			}
			if err := pages.write(page.Comparison(d), d); err != nil {
				return err
			}
			switch {
			case asJSON:
				enc := json.NewEncoder(a.Out)
				enc.SetIndent("", "  ")
				err = enc.Encode(d)
			case markdown:
				err = d.Markdown(a.Out)
			default:
				err = d.Text(a.Out, inspect.TextOptions{All: a.verbose > 0})
			}
			if err != nil {
				return err
			}
			var met []string
			for i, cond := range conditions {
				if d.Meets(cond) {
					met = append(met, exitOn[i])
				}
			}
			if len(met) > 0 {
				fmt.Fprintf(a.Err, "whittle: the images differ in %s\n", strings.Join(met, ", "))
				return exit(Findings)
			}
			return nil
		},
	}
	c.Flags().StringVar(&platform, "platform", "", "platform to take from image indexes (default Linux on this machine's architecture)")
	c.Flags().StringSliceVar(&exitOn, "exit-on", nil, "exit with 1 when the images differ in these: files, packages, config, user, size=5%")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&markdown, "markdown", false, "print Markdown, for a comment on a pull request")
	pages.register(c.Flags())
	return c
}

// diff compares the two images of the arguments.
func (a *app) diff(ctx context.Context, args []string, platform string, list bool) (*inspect.Comparison, error) {
	var sides [2]inspect.Side
	defer func() {
		for _, s := range sides {
			if s.Source != nil {
				_ = s.Source.Close() // it was only read
			}
		}
	}()
	var eg errgroup.Group // layers are read after it, so that it has no context of its own
	for i, arg := range args {
		eg.Go(func() error {
			src, err := openImage(ctx, arg, platform)
			if err != nil {
				return err
			}
			sides[i].Source, sides[i].List = src, list
			a.log.Infof("reading the image for %s in %s", oci.FormatPlatform(src.Platform), src.Place())
			sides[i].Contents = a.contents(ctx, src)
			return nil
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	d, err := inspect.Diff(ctx, sides[0], sides[1])
	if err != nil {
		return nil, err
	}
	var things [2]map[inspect.Thing]int
	for i, s := range sides {
		if things[i], err = attached(ctx, s.Source); err != nil {
			a.log.Warnf("what is attached is not compared: %v", err)
			return d, nil
		}
	}
	if things[0] != nil && things[1] != nil {
		d.Attached = inspect.Attached(things[0], things[1])
	}
	return d, nil
}

// attached counts what hangs on an image, on the index that it is of and on its
// attestation manifests; nil where it comes from a place at which nothing can
// hang.
func attached(ctx context.Context, src *oci.Source) (map[inspect.Thing]int, error) {
	if src.Ref.Kind != oci.Registry && src.Ref.Kind != oci.Layout {
		return nil, nil
	}
	img, err := signing.Open(ctx, src.Ref, oci.Client{})
	if err != nil {
		return nil, err
	}
	branches, err := signing.Tree(ctx, img)
	if err != nil {
		return nil, err
	}
	platforms := map[string]string{}
	for _, b := range branches {
		platforms[b.Digest] = b.Platform
	}
	out := map[inspect.Thing]int{}
	for _, b := range branches {
		if b.Problem != "" {
			return nil, fmt.Errorf("%s: %s", b.Digest, b.Problem)
		}
		on := strings.TrimSpace(b.Kind + " " + b.Platform)
		if b.Kind == "attestation" {
			on = strings.TrimSpace("attestations of " + platforms[b.About])
			out[inspect.Thing{Kind: "attestation", Name: on}]++
		}
		for _, l := range b.Leaves {
			out[thing(on, l)]++
		}
	}
	return out, nil
}

// thing is what hangs there, without digests, which differ between any two
// images.
func thing(on string, l signing.Leaf) inspect.Thing {
	switch {
	case l.Format == "":
		return inspect.Thing{Kind: "artifact", Name: firstWord(l.ArtifactType, "of no type") + " on the " + on}
	case l.Signature:
		return inspect.Thing{Kind: "signature", Name: leaf(l) + " on the " + on}
	}
	return inspect.Thing{Kind: "attestation", Name: leaf(l) + " on the " + on}
}
