package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

func (a *app) lintCommand() *cobra.Command {
	var opts lint.Options
	var fix bool
	c := &cobra.Command{
		Use:   "lint [flags] FILE...",
		Short: "Check Dockerfiles",
		Args:  usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			opts.Rules = rules.All()
			return lintFiles(c.Context(), a.IO, args, opts, fix)
		},
	}
	c.Flags().BoolVar(&fix, "fix", false, "apply safe fixes")
	c.Flags().BoolVar(&opts.UnsafeFixes, "unsafe-fixes", false, "with --fix, also apply fixes that may build a different image")
	return c
}

func lintFiles(ctx context.Context, s IO, names []string, opts lint.Options, fix bool) error {
	found := false
	for _, name := range names {
		diags, err := lintFile(ctx, name, opts, fix)
		if errors.Is(err, fs.ErrNotExist) {
			return hinted{err, "name a Dockerfile, or run in the directory that holds one"}
		}
		if err != nil {
			return err
		}
		found = found || len(diags) > 0
		if err := format.Text(s.Out, diags); err != nil {
			return err
		}
	}
	if found {
		return exit(Findings)
	}
	return nil
}

func lintFile(ctx context.Context, name string, opts lint.Options, fix bool) ([]lint.Diagnostic, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	src := source.NewFile(name, b)
	if !fix {
		return lint.Run(ctx, src, opts)
	}
	out, left, err := lint.Fix(ctx, src, opts)
	if err != nil || out == src {
		return left, err
	}
	if err := maybe.WriteFile(name, out.Bytes, info.Mode().Perm()); err != nil {
		return nil, fmt.Errorf("writing fixes: %w", err)
	}
	return left, nil
}
