package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/discover"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
)

// options puts flags and the configuration of a file together.
func (f *lintFlags) options(name string) (lint.Options, string, error) {
	var opts lint.Options
	file := f.config
	if file == "" && name != "-" {
		file = discover.Config(name, ".whittle.yaml")
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
	opts = lint.Options{Rules: selected, Ignore: append(c.Ignore, f.ignore...), Unsafe: f.unsafe, Severity: map[string]rule.Severity{}}
	for name, s := range c.Severity {
		severity, ok := rule.ParseSeverity(s)
		if !ok {
			return opts, "", &config.Error{Place: file, Message: fmt.Sprintf("severity of %s: %q is none of error, warning, info, style", name, s)}
		}
		opts.Severity[name] = severity
	}
	if !f.noBuildkit && len(c.Only) == 0 {
		opts.Checkers = append(opts.Checkers, &buildkit.Checker{Ignore: dockerignore(f.contextOf(name))})
	}
	return opts, c.FailOn, nil
}

// contextOf is the build context of a file: the one that is named, else the one
// it is most likely built in. Standard input has none.
func (f *lintFlags) contextOf(name string) string {
	if f.context != "" || name == "-" {
		return f.context
	}
	return discover.Context(name)
}

// dockerignore reads the ignore file of a context, nil where there is none.
func dockerignore(dir string) []byte {
	if dir == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(dir, ".dockerignore"))
	if err != nil {
		return nil
	}
	return data
}
