package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/google/renameio/v2/maybe"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// lintFlags are the flags of lint.
type lintFlags struct {
	fix, diff, unsafe, noBuildkit  bool
	format, failOn, config, preset string
	context                        string
	only, ignore                   []string
	json                           bool
}

func (a *app) lintCommand() *cobra.Command {
	f := &lintFlags{}
	c := &cobra.Command{
		Use:   "lint [flags] [PATH...]",
		Short: "Say what is wrong with Dockerfiles, and fix what can be fixed",
		Long: `Lint reads Dockerfiles: files, directories that hold some, or - for standard
input. Without a path it looks through the current directory. BuildKit's own
checks are reported beside whittle's rules.`,
		Example: `  whittle lint
  whittle lint --format sarif docker/ > lint.sarif
  whittle lint --fix --unsafe Dockerfile
  whittle lint --diff - < Dockerfile`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			return a.lint(c.Context(), f, args)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.fix, "fix", false, "apply fixes that build the same image")
	fl.BoolVar(&f.unsafe, "unsafe", false, "with --fix or --diff, also those that may build a different one")
	fl.BoolVar(&f.diff, "diff", false, "print what --fix would change")
	fl.StringVar(&f.format, "format", "text", "text, json, sarif or github")
	fl.BoolVar(&f.json, "json", false, "short for --format json")
	fl.StringVar(&f.failOn, "fail-on", "", "exit with 1 from this severity on: error, warning, info, style or none (default warning)")
	fl.StringVar(&f.config, "config", "", "configuration file (default .whittle.yaml beside the Dockerfile or above it)")
	fl.StringVar(&f.preset, "preset", "", "recommended, strict or hadolint")
	fl.StringSliceVar(&f.only, "only", nil, "rules to run, nothing else")
	fl.StringSliceVar(&f.ignore, "ignore", nil, "rules not to run")
	fl.StringVar(&f.context, "context", "", "build context, for .dockerignore (default: see the manual)")
	fl.BoolVar(&f.noBuildkit, "no-buildkit", false, "leave BuildKit's own checks out")
	return c
}

func (a *app) lint(ctx context.Context, f *lintFlags, args []string) error {
	if f.json {
		f.format = "json"
	}
	write, err := format.Named(f.format)
	if err != nil {
		return usage{fmt.Errorf("--format: %w", err)}
	}
	if !slices.Contains([]string{"", "error", "warning", "info", "style", "none"}, f.failOn) {
		return usage{fmt.Errorf("--fail-on %s: want error, warning, info, style or none", f.failOn)}
	}
	files, failed := a.dockerfiles(args)
	var all []lint.Diagnostic
	found := false
	for _, name := range files {
		diags, failOn, err := a.lintFile(ctx, f, name)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if wrong, ok := errors.AsType[interface {
			error
			ExitCode() int
		}](err); ok {
			return wrong
		}
		if err != nil {
			// One file that cannot be read does not stop the others.
			fmt.Fprintf(a.Err, "whittle: %v\n", err)
			failed = true
			continue
		}
		all = append(all, diags...)
		found = found || fails(diags, failOn)
	}
	if !f.diff && (!f.fix || !slices.Contains(args, "-")) {
		if err := write(a.Out, all, format.Options{Color: a.color(), Version: version(), Rules: rules.All()}); err != nil {
			return err
		}
	}
	switch {
	case failed:
		return exit(Failed)
	case found:
		return exit(Findings)
	}
	return nil
}

// fails reports whether a diagnostic is as severe as asked.
func fails(diags []lint.Diagnostic, failOn string) bool {
	least, ok := rule.ParseSeverity(failOn)
	return ok && slices.ContainsFunc(diags, func(d lint.Diagnostic) bool { return d.Severity >= least })
}

// color reports whether to paint: on a terminal, unless NO_COLOR is set
// (no-color.org).
func (a *app) color() bool {
	f, ok := a.Out.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// lintFile checks or fixes one file. failOn is the severity that fails it.
func (a *app) lintFile(ctx context.Context, f *lintFlags, name string) (diags []lint.Diagnostic, failOn string, err error) {
	data, mode, err := a.readDockerfile(name)
	if err != nil {
		return nil, "", err
	}
	opts, failOn, err := f.options(name)
	if err != nil {
		return nil, "", err
	}
	src := source.NewFile(display(name), data)
	if !f.fix && !f.diff {
		diags, err = lint.Run(ctx, src, opts)
		return diags, failOn, err
	}
	out, left, err := lint.Fix(ctx, src, opts)
	if err != nil {
		return nil, failOn, err
	}
	switch {
	case f.diff:
		_, err = a.Out.Write(diff.Diff(src.Name, src.Bytes, src.Name, out.Bytes))
	case name == "-":
		_, err = a.Out.Write(out.Bytes)
	case out != src:
		if err = maybe.WriteFile(name, out.Bytes, mode); err != nil {
			err = fmt.Errorf("writing fixes: %w", err)
		}
	}
	return left, failOn, err
}
