package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"github.com/google/renameio/v2/maybe"
	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/setup"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suppress"
)

// A lintResult is what became of one file.
type lintResult struct {
	diags []lint.Diagnostic
	text  []byte // for standard output: a diff, or the fixed standard input
	fails bool
	err   error // the file could not be looked at
	stop  error // no file can be: the configuration is wrong
}

// A configuration says what holds for a Dockerfile, and whether a search passes
// it over.
type configuration interface {
	of(ctx context.Context, name string) (run setup.Run, excluded bool, err error)
}

// lintAll looks at files side by side. The results come in the order of the
// files. A file that cannot be looked at does not stop the others; a wrong
// configuration does.
func (a *app) lintAll(ctx context.Context, f *lintFlags, c configuration, files []dockerfile) ([]lintResult, error) {
	results := make([]lintResult, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, file := range files {
		g.Go(func() error {
			if ctx.Err() == nil {
				results[i] = a.lintFile(ctx, f, c, file)
			}
			return nil
		})
	}
	_ = g.Wait() // errors are in the results
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for _, r := range results {
		if r.stop != nil {
			return nil, r.stop
		}
	}
	return results, nil
}

// lintFile checks or fixes one file.
func (a *app) lintFile(ctx context.Context, f *lintFlags, c configuration, file dockerfile) (r lintResult) {
	run, excluded, err := c.of(ctx, file.name)
	if err != nil || excluded && file.searched {
		return lintResult{stop: err}
	}
	data, mode, err := a.readDockerfile(file.name)
	if err != nil {
		return lintResult{err: err}
	}
	src := source.NewFile(display(file.name), data)
	opts := f.options(run, file.name)
	if !f.fix && !f.diff {
		r.diags, r.err = lint.Run(ctx, src, opts)
		r.fails = fails(src, r.diags, run, f.failOn != "")
		return r
	}
	var out *source.File
	if out, r.diags, r.err = lint.Fix(ctx, src, opts); r.err != nil {
		return r
	}
	r.fails = fails(src, r.diags, run, f.failOn != "")
	switch {
	case f.diff:
		r.text = diff.Diff(src.Name, src.Bytes, src.Name, out.Bytes)
	case file.name == "-":
		r.text = out.Bytes
	case out != src:
		r.err = replace(file.name, out.Bytes, mode)
	}
	return r
}

// replace writes the fixed text of a file.
func replace(name string, data []byte, mode fs.FileMode) error {
	if info, err := os.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(name)
		return errors.Join(fmt.Errorf("writing fixes: %s is a symbolic link; name %s instead", name, to), err)
	}
	if err := maybe.WriteFile(name, data, mode); err != nil {
		return fmt.Errorf("writing fixes: %w", err)
	}
	return nil
}

// fails reports whether findings make the exit code 1. A Dockerfile that asks
// for it with check=error=true fails on warnings, whatever the configuration
// says; the command line has the last word.
func fails(src *source.File, diags []lint.Diagnostic, run setup.Run, told bool) bool {
	least, never := run.FailOn, run.NeverFail
	if (never || least > rule.Warning) && !told && suppress.Read(src, nil).Fail {
		least, never = rule.Warning, false
	}
	return !never && slices.ContainsFunc(diags, func(d lint.Diagnostic) bool { return d.Severity >= least })
}
