package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildcontext"
	dockerfiles "github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/embedded"
	"github.com/whittle-oci/whittle/lint/ignorefile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/setup"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suppress"
)

// A lintResult is what became of one file.
type lintResult struct {
	diags []lint.Diagnostic
	text  []byte // for standard output: a diff, or the fixed standard input
	fixed []byte // of a Dockerfile within another file; nil where nothing changed
	job   *lintJob
	fails bool
	err   error // the file could not be looked at
	stop  error // no file can be: the configuration is wrong
}

// A configuration says what holds for a Dockerfile, and whether a search passes
// it over.
type configuration interface {
	of(ctx context.Context, name string) (run setup.Run, excluded bool, err error)
}

// atOnce is how many files are held in memory at a time. ShellCheck hears of so
// many at once, since it takes its time to start.
const atOnce = 512

// lintAll looks at files side by side. The results come in the order of the
// files. A file that cannot be looked at does not stop the others; a wrong
// configuration does.
func (a *app) lintAll(ctx context.Context, f *lintFlags, c configuration, files []dockerfile) ([]lintResult, error) {
	results := make([]lintResult, len(files))
	for at := 0; at < len(files); at += atOnce {
		end := min(at+atOnce, len(files))
		if err := a.lintSome(ctx, f, c, files[at:end], results[at:end]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// A lintJob is a file that is read and what it is checked with.
type lintJob struct {
	dockerfile
	src    *source.File
	within *embedded.Text    // nil for a file of its own
	parsed *dockerfiles.File // nil for text that is no Dockerfile
	run    setup.Run
	opts   lint.Options
	ignore bool // it is an ignore file
}

func (a *app) lintSome(ctx context.Context, f *lintFlags, c configuration, files []dockerfile, results []lintResult) error {
	jobs := make([]*lintJob, len(files))
	check := func(i int) {
		if jobs[i] != nil && !jobs[i].ignore {
			results[i] = a.lintFile(ctx, f, jobs[i])
			jobs[i].parsed = nil // a parsed file is many times its text
		}
	}
	// Nothing is fixed before every configuration was read.
	atSight := f.program == nil && !f.fix
	sideBySide(ctx, len(files), func(i int) {
		jobs[i], results[i] = a.lintOpen(ctx, f, c, files[i])
		if atSight {
			check(i)
		}
	})
	for _, r := range results {
		if r.stop != nil {
			return r.stop
		}
	}
	if f.program != nil {
		var parsed []*dockerfiles.File
		for _, j := range jobs {
			if j != nil && j.parsed != nil && slices.Contains(j.opts.Checkers, lint.Checker(f.program)) {
				parsed = append(parsed, j.parsed)
			}
		}
		// What fails here fails again for each file, with its name.
		_ = f.program.Prepare(ctx, parsed...)
	}
	if !atSight {
		sideBySide(ctx, len(files), check)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for i, j := range jobs {
		if j == nil || results[i].err != nil {
			continue
		}
		if diags := f.known.fresh(f.ignoreFile(j)); len(diags) > 0 {
			results[i].diags = append(results[i].diags, diags...)
			results[i].fails = results[i].fails || fails(j.src, diags, j.run, f.failOn != "")
		}
	}
	return nil
}

// ignoreFile looks at the ignore file of a Dockerfile, or at one that was named
// itself, once for all that have it.
func (f *lintFlags) ignoreFile(j *lintJob) []lint.Diagnostic {
	if j.opts.Runs == nil || !j.opts.Runs(&lint.IgnoreFile) {
		return nil // another Dockerfile may ask
	}
	dir, name, data := f.ignoring(j)
	if name == "" || f.ignoreFiles[absolute(name)] {
		return nil
	}
	if f.ignoreFiles == nil {
		f.ignoreFiles = map[string]bool{}
	}
	f.ignoreFiles[absolute(name)] = true
	return ignorefile.Configured(source.NewFile(fromHere(name), data), dir, j.opts)
}

// ignoring is a context with the name and the text of the ignore file in it that
// counts for a file, name "" for none.
func (f *lintFlags) ignoring(j *lintJob) (dir, name string, data []byte) {
	if j.ignore {
		of, _ := buildcontext.IgnoreFileOf(j.name)
		if dir = filepath.Dir(j.name); of != "" {
			dir = f.contextOf(f.builds, of)
		}
		return dir, j.name, j.src.Bytes
	}
	if dir = f.contextOf(f.builds, j.place()); dir == "" {
		return "", "", nil
	}
	name, data = buildcontext.FindIgnoreFile(dir, j.name)
	return dir, name, data
}

// fromHere is the name of a file as it is called from the working directory,
// where it lies below that.
func fromHere(name string) string {
	if here, err := os.Getwd(); err == nil && filepath.IsAbs(name) {
		if below, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(below) {
			return below
		}
	}
	return name
}

// sideBySide calls do with 0 to n-1 on all processors, until ctx ends.
func sideBySide(ctx context.Context, n int, do func(i int)) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error {
			if ctx.Err() == nil {
				do(i)
			}
			return nil
		})
	}
	_ = g.Wait() // there are none
}

// lintOpen reads a file and its configuration. There is no job where there is
// nothing to check.
func (a *app) lintOpen(ctx context.Context, f *lintFlags, c configuration, file dockerfile) (*lintJob, lintResult) {
	run, excluded, err := c.of(ctx, file.name)
	if err != nil || excluded && file.searched {
		return nil, lintResult{stop: err}
	}
	for _, name := range f.fixOnly {
		if err := run.Known(name); err != nil {
			return nil, lintResult{stop: fmt.Errorf("--fix-only: %w", err)}
		}
	}
	data, err := a.readDockerfile(ctx, file.name)
	if err != nil {
		return nil, lintResult{err: err}
	}
	j := &lintJob{dockerfile: file, src: source.NewFile(display(file.name), data), run: run, opts: f.options(run, f.builds, file)}
	if _, is := buildcontext.IgnoreFileOf(file.name); is {
		j.ignore = true
		return j, lintResult{}
	}
	if file.inline != nil {
		j.within = embedded.In(j.src, *file.inline)
		j.src = j.within.File
	}
	if j.parsed, err = dockerfiles.Parse(j.src); err != nil {
		j.parsed = nil
	}
	if j.parsed == nil || j.parsed.StageNamed(strings.ToLower(f.target), len(j.parsed.Stages)) >= 0 {
		f.targeted.Store(true)
	}
	return j, lintResult{}
}

// lintFile checks or fixes one file.
func (a *app) lintFile(ctx context.Context, f *lintFlags, j *lintJob) (r lintResult) {
	if !f.fix && !f.diff {
		if j.parsed != nil {
			r.diags, r.err = lint.Check(ctx, j.parsed, j.opts)
		} else {
			r.diags, r.err = lint.Run(ctx, j.src, j.opts)
		}
		r.diags = f.known.fresh(j.placed(r.diags))
		r.fails = fails(j.src, r.diags, j.run, f.failOn != "")
		return r
	}
	var out *source.File
	if out, r.diags, r.err = lint.Fix(ctx, j.src, j.opts); r.err != nil {
		return r
	}
	r.diags = f.known.fresh(j.placed(r.diags))
	r.fails = fails(j.src, r.diags, j.run, f.failOn != "")
	switch {
	case j.within != nil:
		if out != j.src {
			r.fixed, r.job = out.Bytes, j
		}
	case f.diff:
		r.text = changes(j.src.Name, j.src.Bytes, out.Bytes)
	case j.name == "-":
		r.text = out.Bytes
	case out != j.src:
		r.err = replace(j.name, out.Bytes)
	}
	return r
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
