package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/discover"
	dockerfiles "github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/shellcheck"
)

// lintFlags are the flags of lint.
type lintFlags struct {
	fix, diff, unsafe      bool
	fixOnly                []string
	formats                []string
	json                   bool
	failOn, config, preset string
	only, enable, ignore   []string
	noSuppressions         bool
	baseline               string
	writeBaseline          bool
	context, target        string
	buildArgs, platforms   []string
	buildContexts          []string
	root                   string
	noBuildkit             bool
	parserOnly             bool // refuse what BuildKit's parser does, as hadolint does its own
	shellcheck             string
	ask                    bool // --online
	lintTools
}

// lintTools are what a run makes of its flags before it looks at files.
type lintTools struct {
	known    *known              // nil where there is no baseline
	builds   *builds             // nil where no Compose or Bake file counts
	program  *shellcheck.Program // nil for none
	contexts contexts
	// contextDirs is nil where files come and go, as in an editor.
	contextDirs *discover.Contexts
	targeted    atomic.Bool // a Dockerfile has the stage of --target

	ignoreFiles map[string]bool // those that were looked at
	online      *online         // nil where nobody may be asked
}

func (a *app) lintCommand() *cobra.Command {
	f := &lintFlags{}
	c := &cobra.Command{
		Use:   "lint [flags] [PATH...]",
		Short: "Lint Dockerfiles, and fix what can be fixed",
		Long: `Lint reads Dockerfiles: files, patterns such as 'services/**/Dockerfile',
directories that hold some, Compose and Bake files that build some, or - for
standard input. Without a path it looks through the current directory, passing
over what .gitignore names. BuildKit's own checks are among the rules; what
ShellCheck says of RUN scripts is added where it is installed.`,
		Example: `  whittle lint
  whittle lint --format text --format sarif=lint.sarif docker/
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
	fl.StringSliceVar(&f.fixOnly, "fix-only", nil, "with --fix or --diff, the fixes of these `RULE`s alone")
	fl.BoolVar(&f.diff, "diff", false, "print what --fix would change")
	fl.StringArrayVar(&f.formats, "format", nil, "`FORMAT` to print, or FORMAT=FILE to write; repeatable (default text)")
	fl.BoolVar(&f.json, "json", false, "short for --format json")
	fl.StringVar(&f.failOn, "fail-on", "", "exit with 1 from this `SEVERITY` on: error, warning, info, style or none (default warning)")
	fl.StringVar(&f.root, "root", "", "`DIRECTORY` that reports name files from (default: the top of the git repository)")
	fl.StringVar(&f.config, "config", "", "configuration `FILE` (default .whittle.yaml beside the Dockerfile and above it)")
	fl.StringVar(&f.preset, "preset", "", "`PRESET` of rules to begin with: recommended, strict or hadolint")
	fl.StringSliceVar(&f.only, "only", nil, "`RULE`s to run, nothing else")
	fl.StringSliceVar(&f.enable, "enable", nil, "further `RULE`s to run")
	fl.StringSliceVar(&f.ignore, "ignore", nil, "`RULE`s not to run")
	fl.BoolVar(&f.noSuppressions, "no-suppressions", false, "report what comments and .trivyignore switch off too")
	fl.StringVar(&f.baseline, "baseline", "", "report only what is not among the findings in `FILE`")
	fl.BoolVar(&f.writeBaseline, "write-baseline", false, "write the findings to the file of --baseline")
	fl.StringVar(&f.context, "context", "", "`DIRECTORY` of the build, for what COPY takes and its .dockerignore (default: what Compose or Bake say, else the nearest one above with a .dockerignore or .git)")
	fl.StringVar(&f.target, "target", "", "`STAGE` that the build ends in (default: what Compose or Bake say, else the last)")
	fl.StringArrayVar(&f.buildArgs, "build-arg", nil, "build argument as `NAME=VALUE`, overriding Compose and Bake; repeatable")
	fl.StringArrayVar(&f.buildContexts, "build-context", nil, "further context as `NAME=VALUE`, overriding Compose and Bake; repeatable")
	fl.StringSliceVar(&f.platforms, "platform", nil, "`PLATFORM`s that the image is for, such as linux/arm64 (default: what Compose or Bake say)")
	fl.BoolVar(&f.ask, "online", false, "ask registries about images: their users, sizes, platforms and digests; with --fix --unsafe, download what ADD does for its checksum")
	fl.BoolVar(&f.noBuildkit, "no-buildkit", false, "skip BuildKit's own checks")
	fl.StringVar(&f.shellcheck, "shellcheck", "auto", "`PROGRAM` for RUN scripts: auto finds ShellCheck on the PATH, off leaves it out")
	return completions(c)
}

// waiting counts the findings that --unsafe would fix in a run that fixes.
func (f *lintFlags) waiting(left []lint.Diagnostic) (n int) {
	if !f.fix && !f.diff || f.unsafe {
		return 0
	}
	for _, d := range left {
		if d.Fix != nil && d.Fix.Safety == rule.Unsafe && (len(f.fixOnly) == 0 || slices.ContainsFunc(f.fixOnly, d.Rule.Is)) {
			n++
		}
	}
	return n
}

// layer is what the flags say that a configuration file could say too.
func (f *lintFlags) layer() (config.Layer, error) {
	l := config.Layer{Preset: f.preset, Only: f.only, Enable: f.enable, Ignore: f.ignore, FailOn: f.failOn}
	if f.noSuppressions {
		l.Suppressions = "off"
	}
	if !slices.Contains([]string{"", "error", "warning", "info", "style", "none"}, f.failOn) {
		return l, usage{fmt.Errorf("--fail-on %s: want error, warning, info, style or none", f.failOn)}
	}
	return l, nil
}

func (a *app) lint(ctx context.Context, f *lintFlags, args []string) error {
	if f.json {
		f.formats = append(f.formats, "json")
	}
	out, err := a.outputs(f.formats, f.root)
	if err != nil {
		return err
	}
	layer, err := f.layer()
	if err != nil {
		return err
	}
	if info, err := os.Stat(f.context); f.context != "" && (err != nil || !info.IsDir()) {
		return usage{fmt.Errorf("--context %s: there is no such directory", f.context)}
	}
	for _, p := range f.platforms {
		if _, ok := dockerfiles.ParsePlatform(p); !ok {
			return usage{fmt.Errorf("--platform %s: want a platform such as linux/arm64", p)}
		}
	}
	for _, c := range f.buildContexts {
		if name, _, ok := strings.Cut(c, "="); !ok || name == "" {
			return usage{fmt.Errorf("--build-context %s: want NAME=VALUE", c)}
		}
	}
	if (f.unsafe || len(f.fixOnly) > 0) && !f.fix && !f.diff {
		return usage{errors.New("--unsafe and --fix-only say which fixes; add --fix to apply them or --diff to see them")}
	}
	if err := f.findShellcheck(); err != nil {
		return err
	}
	if f.known, err = f.readBaseline(); err != nil {
		return err
	}
	f.builds, f.contextDirs = f.newBuilds(), &discover.Contexts{}
	if f.ask {
		f.online = a.online(ctx)
	}
	files, failed := a.dockerfiles(f.builds, args)
	configured := newConfigs(f.config, layer)
	results, err := a.lintAll(ctx, f, configured, files)
	if err != nil {
		return err
	}
	configured.tell(a.log)
	if f.target != "" && !f.targeted.Load() && !failed {
		return usage{fmt.Errorf("--target %s: there is no stage of that name", f.target)}
	}
	f.builds.said(a)
	failed = !f.online.done(a) || failed
	var all []lint.Diagnostic
	found := false
	for _, r := range results {
		if r.err != nil {
			fmt.Fprintf(a.Err, "whittle: %v\n", r.err)
			failed = true
		}
		if _, err := a.Out.Write(r.text); err != nil {
			return err
		}
		all = append(all, r.diags...)
		found = found || r.fails
	}
	if err := a.fixInline(f, results); err != nil {
		return err
	}
	keep := f.writeBaseline && !failed
	switch {
	case keep:
		out.out = nil // not asked for
	case f.diff || f.fix && slices.Contains(args, "-"):
		out.out = nil // taken
		if len(all) > 0 {
			a.log.Infof("%d finding(s) stay after the fixes; lint without --fix and --diff shows them", len(all))
		}
	}
	if err := out.write(ctx, all); err != nil {
		return err
	}
	if keep {
		return f.saveBaseline(ctx, all)
	}
	if n := f.gone(files); n > 0 && !failed {
		a.log.Infof("findings of %s that are fixed: %d; --write-baseline leaves them out", f.baseline, n)
	}
	if n := f.waiting(all); n > 0 {
		a.log.Infof("further fixes, which may build a different image, come with --unsafe: %d", n)
	}
	switch {
	case failed:
		return exit(Failed)
	case found:
		return exit(Findings)
	}
	return nil
}
