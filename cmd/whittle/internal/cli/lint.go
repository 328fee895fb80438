package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/dockerfile"
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

func display(name string) string {
	if name == "-" {
		return "<stdin>"
	}
	return name
}

// maxDockerfile is the largest file that is read, in bytes.
const maxDockerfile = 64 << 20

func (a *app) readDockerfile(name string) ([]byte, fs.FileMode, error) {
	if name == "-" {
		data, err := io.ReadAll(io.LimitReader(a.In, maxDockerfile))
		return data, 0, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > maxDockerfile {
		return nil, 0, fmt.Errorf("%s: %d bytes, more than the limit of %d", name, info.Size(), maxDockerfile)
	}
	data, err := os.ReadFile(name)
	return data, info.Mode().Perm(), err
}

// options puts flags and the configuration of a file together.
func (f *lintFlags) options(name string) (lint.Options, string, error) {
	var opts lint.Options
	file := f.config
	if file == "" && name != "-" {
		file = configAbove(name)
	}
	var c config.Config
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return opts, "", usage{fmt.Errorf("--config: %w", err)}
		}
		if c, err = config.Parse(file, data); err != nil {
			return opts, "", err
		}
	}
	if f.preset != "" {
		c.Preset = f.preset
	}
	if f.failOn != "" {
		c.FailOn = f.failOn
	}
	if c.FailOn == "" {
		c.FailOn = "warning"
	}
	if len(f.only) > 0 {
		c.Only = f.only
	}
	selected, err := lint.Select(rules.All(), c.Preset, c.Only, append(c.Ignore, f.ignore...))
	if err != nil {
		return opts, "", err
	}
	opts = lint.Options{Rules: selected, Unsafe: f.unsafe, Severity: map[string]rule.Severity{}}
	for name, s := range c.Severity {
		severity, ok := rule.ParseSeverity(s)
		if !ok {
			return opts, "", &config.Error{Place: file, Message: fmt.Sprintf("severity of %s: %q is none of error, warning, info, style", name, s)}
		}
		opts.Severity[name] = severity
	}
	if !f.noBuildkit && len(c.Only) == 0 {
		opts.Checkers = []lint.Checker{except{&buildkit.Checker{Ignore: f.dockerignore(name)}, append(c.Ignore, f.ignore...)}}
	}
	return opts, c.FailOn, nil
}

// configAbove finds .whittle.yaml beside a file or in a directory above it, up
// to the root of its repository.
func configAbove(name string) string {
	abs, err := filepath.Abs(name)
	if err != nil {
		return ""
	}
	for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
		file := filepath.Join(dir, ".whittle.yaml")
		if exists(file) {
			return file
		}
		if exists(filepath.Join(dir, ".git")) || dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// dockerignore reads the ignore file of the context: the one that is named,
// else the nearest directory above that has one or a .git, else the file's own
// directory.
func (f *lintFlags) dockerignore(name string) []byte {
	dir := f.context
	if dir == "" && name != "-" {
		dir = filepath.Dir(name)
		abs, err := filepath.Abs(dir)
		for up := abs; err == nil; up = filepath.Dir(up) {
			if exists(filepath.Join(up, ".dockerignore")) || exists(filepath.Join(up, ".git")) {
				dir = up
				break
			}
			if up == filepath.Dir(up) {
				break
			}
		}
	}
	if dir == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(dir, ".dockerignore"))
	if err != nil {
		return nil
	}
	return data
}

// except leaves out what the configuration ignores of a checker's findings.
type except struct {
	lint.Checker
	ignore []string
}

// Check implements lint.Checker.
func (e except) Check(ctx context.Context, f *dockerfile.File) ([]lint.Diagnostic, error) {
	diags, err := e.Checker.Check(ctx, f)
	return slices.DeleteFunc(diags, func(d lint.Diagnostic) bool { return slices.ContainsFunc(e.ignore, d.Rule.Is) }), err
}

// dockerfiles lists the files that the arguments mean. Directories are looked
// through for files that are named as Dockerfiles are.
func (a *app) dockerfiles(args []string) (files []string, failed bool) {
	for _, arg := range args {
		if arg == "-" {
			files = append(files, arg)
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			fmt.Fprintf(a.Err, "whittle: %v\nhint: name a Dockerfile, or a directory that holds one\n", err)
			failed = true
			continue
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		n := len(files)
		err = filepath.WalkDir(arg, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && name != arg && slices.Contains([]string{".git", "node_modules", "vendor", ".cache"}, d.Name()) {
				return filepath.SkipDir
			}
			if d.Type().IsRegular() && isDockerfile(d.Name()) {
				files = append(files, filepath.Clean(name))
			}
			return nil
		})
		if err != nil {
			fmt.Fprintf(a.Err, "whittle: %v\n", err)
			failed = true
		}
		if len(files) == n && err == nil {
			fmt.Fprintf(a.Err, "whittle: there is no Dockerfile in %s\n", arg)
			failed = true
		}
	}
	return files, failed
}

func isDockerfile(base string) bool {
	lower := strings.ToLower(base)
	return lower == "dockerfile" || lower == "containerfile" || strings.HasPrefix(lower, "dockerfile.") && !strings.HasSuffix(lower, ".dockerignore") ||
		strings.HasPrefix(lower, "containerfile.") || strings.HasSuffix(lower, ".dockerfile") || strings.HasSuffix(lower, ".containerfile")
}
