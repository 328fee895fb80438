// Package check lints a Dockerfile for the build frontend, which knows nothing
// of rules.
package check

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/ignorefile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/setup"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suppress"
)

// Dockerfile is a frontend.Check: the rules that the lint section of the
// configuration chooses, the recommended ones when there is none. BuildKit adds
// its own.
func Dockerfile(ctx context.Context, c frontend.Checked) ([]frontend.Finding, error) {
	return look(ctx, c, nil)
}

// Checkers gives what looks at a file besides the rules that were chosen.
type Checkers func(chosen []rule.Rule) []lint.Checker

// With is Dockerfile with more checkers. The frontend image goes without those
// that would make it much larger: every builder pulls it.
func With(more Checkers) frontend.Check {
	return func(ctx context.Context, c frontend.Checked) ([]frontend.Finding, error) { return look(ctx, c, more) }
}

func look(ctx context.Context, c frontend.Checked, more Checkers) ([]frontend.Finding, error) {
	files, err := configured(ctx, c)
	if err != nil {
		return nil, err
	}
	run, err := setup.For(rules.All(), config.For(c.Name, files), config.Layer{})
	if err != nil {
		return nil, err
	}
	for _, p := range c.Platforms {
		run.Builds = append(run.Builds, dockerfile.Build{Target: c.Target, Args: c.Args, Platform: p, Contexts: c.Contexts})
	}
	if len(run.Builds) == 0 {
		run.Builds = []dockerfile.Build{{Target: c.Target, Args: c.Args, Contexts: c.Contexts}}
	}
	src := source.NewFile(c.Name, c.Dockerfile)
	fatal := suppress.Read(src, nil).Fail
	if more != nil {
		run.Checkers = append(run.Checkers, more(run.Rules)...)
	}
	if c.About != nil {
		run.Context, run.Images = newFiles(c.About), newImages(c.About, c.Dockerfile)
	}
	diags, err := lint.Run(ctx, src, run.Options)
	if err != nil {
		return nil, err
	}
	if c.Ignore != nil {
		// What the context holds would have to be fetched.
		diags = append(diags, ignorefile.Configured(source.NewFile(c.IgnoreFile, c.Ignore), "", run.Options)...)
	}
	var out []frontend.Finding
	for _, d := range diags {
		// BuildKit says itself what it does not take.
		if d.Rule == &lint.Syntax || d.Refusal || slices.Contains(c.Skip, "all") || slices.ContainsFunc(c.Skip, d.Rule.Is) {
			continue
		}
		out = append(out, frontend.Finding{
			Rule: d.Rule.Name, Description: d.Rule.Summary, URL: format.URL(d.Rule), Message: d.Message, Severity: d.Severity.String(),
			Line: d.File.Pos(d.Span.Start).Line, End: d.File.Pos(d.Span.End).Line, Aliases: d.Rule.Aliases, InIgnore: d.Rule == &lint.IgnoreFile,
			Fails: !run.NeverFail && d.Severity >= run.FailOn, Fatal: fatal,
		})
	}
	return out, nil
}

// configured reads the configuration and what it extends.
func configured(ctx context.Context, c frontend.Checked) ([]config.File, error) {
	if c.Config == nil {
		return nil, nil
	}
	f, err := config.Parse(c.ConfigName, c.Config)
	if err != nil {
		return nil, err
	}
	files, err := config.Reader{File: c.Read, URL: c.Fetch}.Extended(ctx, f, c.ConfigName)
	if err != nil {
		return nil, err
	}
	// Globs are meant from the file's directory. A command names that from
	// where it runs and the Dockerfile from its own, which is the same one.
	dir := filepath.Dir(c.ConfigName)
	if rel, err := filepath.Rel(dir, c.Name); err != nil || !filepath.IsLocal(rel) {
		dir = "."
	}
	for i := range files {
		files[i].Dir = dir
	}
	return files, nil
}
