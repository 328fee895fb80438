package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/inspect"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/page"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/signing"
)

// budgets are the settings that bound an image.
var budgets = []string{"max-size", "max-files", "max-packages", "no-shell"}

func (a *app) inspectCommand() *cobra.Command {
	var platform, failOn, config string
	var asJSON bool
	var pages pageFlag
	c := &cobra.Command{
		Use:   "inspect IMAGE",
		Short: "Say what an image holds, and what of it is of use to an attacker",
		Long: `Inspect reads an image with all of its layers: its size by directory, package
and, where whittle built it, reason; its user, shells, package managers, setuid
programs, capabilities and files that everyone may write to; what every ELF file
needs; and credentials in files, hidden layers, variables and history.

Budgets are those of the build section of .whittle.yaml, or of the flags, and
those of a .dive-ci. The exit code is 1 when the image is over one, or has a finding of --fail-on.

` + sourceHelp,
		Example: `  whittle inspect registry.example/shop:1
  whittle inspect --fail-on warning --max-size 30MB docker:shop:1`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if failOn != "none" && !slices.Contains(inspect.Severities(), inspect.Severity(failOn)) {
				return usage{fmt.Errorf("--fail-on %s: want error, warning, info or none", failOn)}
			}
			flags := map[string][]string{}
			for _, name := range budgets {
				if f := c.Flags().Lookup(name); f.Changed {
					flags[name] = []string{f.Value.String()}
				}
			}
			budget, err := budgetOf(flags, config)
			if err != nil {
				return err
			}
			waste, err := wasteOf()
			if err != nil {
				return err
			}
			if err := pages.open(c.Context(), a); err != nil {
				return err
			}
			defer pages.discard()
			in, err := a.inspect(c.Context(), args[0], platform, pages.wanted())
			if err != nil {
				return err
			}
			over := append(budget.Exceeded(in.Side()), waste.Exceeded(in.Size)...)
			if err := pages.write(page.Inspection(in, over), judged(in, over)); err != nil {
				return err
			}
			in.Contents = nil
			return a.judge(in, over, inspect.Severity(failOn), asJSON)
		},
	}
	c.Flags().StringVar(&platform, "platform", "", "platform to take from an image index (default Linux on this machine's architecture)")
	c.Flags().StringVar(&failOn, "fail-on", "none", "exit with 1 when there is a finding this bad: error, warning, info or none")
	for _, s := range frontend.Settings() {
		switch {
		case !slices.Contains(budgets, s.Name):
		case s.Kind == frontend.Bool:
			c.Flags().Bool(s.Name, false, s.Help)
		default:
			c.Flags().String(s.Name, "", s.Help)
		}
	}
	c.Flags().StringVar(&config, "config", "", "configuration file (default .whittle.yaml here)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	pages.register(c.Flags())
	return c
}

// budgetOf reads the budget of flags and of a configuration file, "" for the one
// that lies here.
func budgetOf(flags map[string][]string, config string) (report.Budget, error) {
	name := config
	if name == "" {
		name = ".whittle.yaml"
	}
	data, err := os.ReadFile(name)
	if err != nil && (config != "" || !errors.Is(err, fs.ErrNotExist)) {
		return report.Budget{}, usage{fmt.Errorf("reading the configuration: %w", err)}
	}
	file, err := frontend.FromFile(name, data)
	if err != nil {
		return report.Budget{}, err
	}
	args, err := frontend.FromFlags(flags)
	if err != nil {
		return report.Budget{}, err
	}
	return frontend.Budget(args, file)
}

// wasteOf reads the bounds of a .dive-ci that lies here, none where there is
// none.
func wasteOf() (inspect.Waste, error) {
	data, err := os.ReadFile(".dive-ci")
	if errors.Is(err, fs.ErrNotExist) {
		return inspect.Waste{}, nil
	}
	if err != nil {
		return inspect.Waste{}, usage{fmt.Errorf("reading .dive-ci: %w", err)}
	}
	w, err := inspect.ParseDive(data, frontend.ParseSize)
	if err != nil {
		return w, usage{err}
	}
	return w, nil
}

// inspect looks at one image, with the contents that are attached to it where
// there are some.
func (a *app) inspect(ctx context.Context, arg, platform string, list bool) (*inspect.Inspection, error) {
	src, err := openImage(ctx, arg, platform)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	a.log.Infof("reading the image for %s in %s", oci.FormatPlatform(src.Platform), src.Place())
	return inspect.Image(ctx, src, inspect.Options{Contents: a.contents(ctx, src), List: list})
}

// contents reads the reasons that are attached to an image, nil where there are
// none: nothing else depends on them.
func (a *app) contents(ctx context.Context, src *oci.Source) *report.Report {
	if src.Ref.Kind != oci.Registry && src.Ref.Kind != oci.Layout {
		return nil
	}
	img, err := signing.Open(ctx, src.Ref, oci.Client{})
	if err != nil {
		a.log.Debugf("looking for reasons: %v", err)
		return nil
	}
	docs, err := signing.Documents(ctx, img, report.ContentsPredicate)
	if err != nil {
		a.log.Debugf("looking for reasons: %v", err)
		return nil
	}
	for _, d := range docs {
		if len(docs) > 1 && d.Platform != oci.FormatPlatform(src.Platform) {
			continue
		}
		r, err := report.Parse(d.Predicate)
		if err == nil {
			return r
		}
		a.log.Warnf("the reasons that are attached cannot be read: %v", err)
	}
	return nil
}

// judged is what is told as JSON.
func judged(in *inspect.Inspection, over []string) inspect.Judged {
	if over == nil {
		over = []string{}
	}
	return inspect.Judged{Inspection: in, Over: over}
}

// judge prints an inspection, and what of its bounds it exceeds.
func (a *app) judge(in *inspect.Inspection, over []string, failOn inspect.Severity, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(judged(in, over)); err != nil {
			return err
		}
	} else if err := in.Text(a.Out, inspect.TextOptions{All: a.verbose > 0}); err != nil {
		return err
	}
	for _, o := range over {
		fmt.Fprintf(a.Err, "whittle: %s\n", o)
	}
	bad := in.AtLeast(failOn)
	if failOn != "none" && bad > 0 {
		fmt.Fprintf(a.Err, "whittle: findings as bad as %s, or worse: %d\n", failOn, bad)
	}
	if len(over) > 0 || failOn != "none" && bad > 0 {
		return exit(Findings)
	}
	return nil
}
