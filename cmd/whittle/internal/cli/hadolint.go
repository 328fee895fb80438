package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/oci/staging"
	"github.com/whittle-oci/whittle/cmd/internal/version"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/hadolint"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/setup"
)

func (a *app) hadolintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hadolint [OPTION...] [DOCKERFILE...]",
		Short: "Lint as hadolint does: its options, configuration, formats and exit codes",
		// Its options are not ours: -v is its version.
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			return a.hadolint(c.Context(), args)
		},
	}
}

// hadolint takes hadolint's place. Exit code 1 stands for findings, a wrong
// command line and files that cannot be read alike, as it does there.
func (a *app) hadolint(ctx context.Context, args []string) error {
	told, err := hadolint.FromArguments(args)
	switch {
	case err != nil:
		fmt.Fprintf(a.Err, "%v\n\n%s", err, hadolint.Usage())
		return exit(Findings)
	case told.Help:
		fmt.Fprint(a.Out, hadolint.Usage())
		return nil
	case told.Version:
		fmt.Fprintf(a.Out, "whittle hadolint %s\n", version.String())
		return nil
	}
	told.File = cmp.Or(told.File, hadolint.Find(".", os.LookupEnv))
	cfg := hadolint.Join(hadolint.FromEnvironment(os.LookupEnv), a.hadolintFile(told.File), told)
	if cfg.Verbose != nil && *cfg.Verbose {
		fmt.Fprintf(a.Err, "whittle: configuration from %s, the environment and the command line:\n%s", cmp.Or(cfg.File, "no file"), cfg)
	}
	if len(cfg.Files) == 0 {
		fmt.Fprintln(a.Err, "Please provide a Dockerfile")
		return exit(Findings)
	}
	run, err := setup.For(rules.All(), config.Config{}, hadolintLayer(cfg))
	if err != nil {
		return err
	}
	run.SuppressFrom = []string{"hadolint", "whittle"}
	run.Gather = false
	results, failed, err := a.hadolintFiles(ctx, run, cfg)
	if err != nil {
		return err
	}
	if err := a.hadolintReports(ctx, cfg, results); err != nil {
		fmt.Fprintf(a.Err, "whittle: %v\n", err)
		failed = true
	}
	if failed || cfg.Fails(results) {
		return exit(Findings)
	}
	return nil
}

// hadolintLayer is hadolint's own set of rules and what the configuration says
// of it.
func hadolintLayer(cfg hadolint.Config) config.Layer {
	l := cfg.Layer()
	l.Preset = "hadolint"
	return l
}

// hadolintFile reads the configuration file. One that is broken is said, and
// counts as none.
func (a *app) hadolintFile(name string) hadolint.Config {
	if name == "" {
		return hadolint.Config{}
	}
	data, err := os.ReadFile(name)
	if err == nil {
		var c hadolint.Config
		if c, err = hadolint.Parse(name, data); err == nil {
			return c
		}
	}
	fmt.Fprintf(a.Err, "whittle: the configuration is passed over: %v\n", err)
	return hadolint.Config{}
}

func (a *app) hadolintFiles(ctx context.Context, run setup.Run, cfg hadolint.Config) (results []hadolint.Result, failed bool, err error) {
	files := make([]dockerfile, len(cfg.Files))
	for i, name := range cfg.Files {
		files[i] = dockerfile{name: name}
	}
	f := &lintFlags{noBuildkit: true, parserOnly: true}
	if err := f.findShellcheck(); err != nil {
		return nil, false, err
	}
	found, err := a.lintAll(ctx, f, always{run}, files)
	if err != nil {
		return nil, false, err
	}
	for i, r := range found {
		if r.err != nil {
			fmt.Fprintf(a.Err, "whittle: %v\n", r.err)
			failed = true
			continue
		}
		results = append(results, hadolint.Result{File: files[i].name, Findings: cfg.Findings(r.diags)})
	}
	return results, failed, nil
}

// always is a configuration that is the same for every file.
type always struct{ run setup.Run }

func (s always) of(context.Context, string) (setup.Run, bool, error) { return s.run, false, nil }

// hadolintReports writes every report; files whole or not at all.
func (a *app) hadolintReports(ctx context.Context, cfg hadolint.Config, results []hadolint.Result) error {
	for i := range max(len(cfg.Formats), len(cfg.Outputs), 1) {
		format, to := "tty", "-"
		if i < len(cfg.Formats) {
			format = cfg.Formats[i]
		}
		if i < len(cfg.Outputs) {
			to = cfg.Outputs[i]
		}
		var b bytes.Buffer
		err := hadolint.Write(&b, format, results, hadolint.Options{
			Color: cfg.NoColor == nil || !*cfg.NoColor, PathInReport: cfg.PathInReport, Version: strings.TrimPrefix(version.String(), "v"), Time: time.Now(),
		})
		if err != nil {
			return err
		}
		if to == "-" {
			_, err = io.Copy(a.Out, &b)
		} else {
			err = staging.WriteFile(ctx, to, b.Bytes())
		}
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return nil
}
