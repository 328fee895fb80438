package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildcontext"
	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/secrets"
	"github.com/whittle-oci/whittle/lint/setup"
	"github.com/whittle-oci/whittle/lint/shellcheck"
)

// options adds to what configuration says of a file what only a command knows:
// flags, the day, how it is built, the context, checkers.
func (f *lintFlags) options(run setup.Run, b *builds, d dockerfile) lint.Options {
	opts := run.Options
	opts.Unsafe, opts.FixOnly = f.unsafe, f.fixOnly
	opts.Convert = !f.parserOnly
	opts.Today = time.Now().Format(time.DateOnly)
	opts.Checkers = append(opts.Checkers, checkers(opts.Rules)...)
	if b != nil {
		opts.Builds = b.options(d.place())
	}
	dir := f.contextOf(b, d.place())
	ignore := dockerignore(dir, d.name)
	opts.Context = f.contexts.of(dir, ignore)
	if f.online != nil {
		opts.Images = f.online
		if f.unsafe && (f.fix || f.diff) { // nobody downloads to look
			opts.Downloads = f.online.downloads
		}
	}
	if f.noBuildkit {
		opts.Rules = slices.DeleteFunc(slices.Clone(opts.Rules), func(r rule.Rule) bool { return buildkit.Own(&r.Meta) })
	}
	if f.program != nil && run.Reaches(shellcheck.Named) {
		opts.Checkers = append(opts.Checkers, f.program)
	}
	return opts
}

// checkers are those that every look at a Dockerfile has: credentials by their
// value.
func checkers(chosen []rule.Rule) []lint.Checker {
	if c, ok := secrets.For(chosen); ok {
		return []lint.Checker{c}
	}
	return nil
}

// findShellcheck finds the program that --shellcheck names. Without a name there
// may be none.
func (f *lintFlags) findShellcheck() error {
	if f.shellcheck == "off" {
		return nil
	}
	path := f.shellcheck
	if path == "auto" {
		path = ""
	}
	p, err := shellcheck.Find(path, shellcheckCache())
	switch {
	case err == nil:
		f.program = p
	case path != "":
		return usage{fmt.Errorf("--shellcheck: %w", err)}
	}
	return nil
}

// shellcheckCache is where results of ShellCheck are kept, "" where there is no
// place for them.
func shellcheckCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "whittle", "shellcheck")
}

// contextOf is the build context of a file: the one that is named, else what
// Compose or Bake say, else the one it is most likely built in. Standard input
// has none.
func (f *lintFlags) contextOf(b *builds, name string) string {
	if f.context != "" || name == "-" {
		return f.context
	}
	if b != nil {
		if dir := b.context(name); dir != "" {
			return dir
		}
	}
	return f.contextDirs.Of(name)
}

// dockerignore reads the ignore file of a Dockerfile in its context, nil where
// there is none.
func dockerignore(dir, name string) []byte {
	if dir == "" {
		return nil
	}
	return buildcontext.IgnoreFile(dir, name)
}
