package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/engine/embedded"
	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/oci/staging"
	"github.com/whittle-oci/whittle/builder/report"
	dockerfilesink "github.com/whittle-oci/whittle/builder/sink/dockerfile"
	"github.com/whittle-oci/whittle/cmd/internal/check"
	"github.com/whittle-oci/whittle/cmd/internal/version"
)

// rewriteFlags are the flags of rewrite: those of build that say how stages are
// built and planned, and where the result goes.
type rewriteFlags struct {
	build                  buildFlags
	all                    *pflag.FlagSet // of build
	context, output, files string
}

// ofBuild are the flags that rewrite has of build, besides the settings.
var ofBuild = []string{
	"build-arg", "build-context", "secret", "ssh", "target", "platform", "label", "cache-from", "no-cache", "no-cache-filter", "pull", "progress",
	"add-host", "network", "shm-size", "ulimit", "cgroup-parent", "allow", "builder", "base-policy", "config", "lock-timeout", "buildkitd-config", "state-size",
}

// notOfBuild are the settings that say what a Dockerfile cannot do, or what is
// done with an image that is built.
var notOfBuild = []string{"static", "contents", "minimal", "smoke", "syntax-aliases", "layers", "debug-image", "java", "java-modules"}

func (a *app) rewriteCommand() *cobra.Command {
	f := &rewriteFlags{all: pflag.NewFlagSet("build", pflag.ContinueOnError)}
	c := &cobra.Command{
		Use:   "rewrite [flags] [DOCKERFILE]",
		Short: "Print a Dockerfile that builds the minimal image without whittle",
		Long: `Rewrite builds the stages of a Dockerfile, plans the minimal image as build does,
and prints a Dockerfile of it for BuildKit's own frontend: the stages as they
are, and a last one from scratch that copies the files of the plan, with owners,
modes and reasons, and has the configuration of the minimal image. What such a
Dockerfile cannot say is listed in it.

DOCKERFILE is ./Dockerfile when it is left out; the context is its directory, or
that of --context. Paths in the result hold for one platform and for what the
stages have now: write it anew when base images or dependencies change.`,
		Example: `  whittle rewrite > Dockerfile.minimal
  whittle rewrite docker/Dockerfile --context . -o Dockerfile.minimal --files minimal`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			file := "Dockerfile"
			if len(args) == 1 {
				file = args[0]
			}
			return a.rewrite(c.Context(), f, file)
		},
	}
	fl := c.Flags()
	fl.SortFlags = false
	fl.StringVarP(&f.output, "output", "o", "", "write the Dockerfile to this file")
	fl.StringVar(&f.context, "context", "", "directory of the context (default that of the Dockerfile)")
	fl.StringVar(&f.files, "files", "", "write files that no stage has to this directory of the context, instead of into the Dockerfile")
	f.build.register(f.all)
	f.all.VisitAll(func(flag *pflag.Flag) {
		setting := slices.ContainsFunc(frontend.Settings(), func(s frontend.Setting) bool { return s.Name == flag.Name })
		if slices.Contains(ofBuild, flag.Name) || setting && !slices.Contains(notOfBuild, flag.Name) {
			fl.AddFlag(flag)
		}
	})
	return c
}

// rewrite plans the image of a Dockerfile and writes it as one.
func (a *app) rewrite(ctx context.Context, f *rewriteFlags, file string) error {
	if err := f.check(); err != nil {
		return err
	}
	dir := f.context
	if dir == "" {
		dir = filepath.Dir(file)
	}
	if file == "-" && f.context == "" {
		dir = "-"
	}
	f.build.file, f.build.dryRun = file, true
	req, err := f.build.request(ctx, a, dir)
	if err != nil {
		return err
	}
	defer req.discard()
	made, source, err := a.planned(ctx, f, req)
	if err != nil || made == nil {
		return err // where it is nil, another process has done everything
	}
	if len(made.plans) == 0 {
		return refused{fmt.Errorf("whittle ships the image of %s as it is built, so that there is nothing to rewrite", file)}
	}
	res, err := dockerfilesink.New(made.plans[0], dockerfilesink.Source{Text: source, Target: f.build.target}, dockerfilesink.Options{
		Platform: made.list[0].Platform, Files: filepath.ToSlash(f.files), Notes: notCompiled(made.list[0].Static),
	})
	if bad, ok := errors.AsType[*dockerfilesink.UnwritableError](err); ok {
		return refused{hinted{bad, bad.Hint}}
	}
	if err != nil {
		return fmt.Errorf("rewriting %s: %w", file, err)
	}
	return a.writeRewritten(ctx, f, dir, res)
}

// check refuses what a Dockerfile cannot be for.
func (f *rewriteFlags) check() error {
	if len(f.build.platforms) > 1 {
		return usage{hinted{fmt.Errorf("--platform %s: the paths in a Dockerfile are those of one platform", strings.Join(f.build.platforms, ",")), "write one for each, with --platform and -o"}}
	}
	if f.files != "" && !filepath.IsLocal(f.files) {
		return usage{fmt.Errorf("--files %s: want a directory in the context, as seen from there", f.files)}
	}
	return f.build.check(f.all)
}

// planned builds the stages and gives the plan with the Dockerfile it is of.
func (a *app) planned(ctx context.Context, f *rewriteFlags, req *buildRequest) (*reports, []byte, error) {
	settings := f.build.settings(f.all)
	settings["static"] = []string{"off"} // a Dockerfile compiles as it is written
	settings["java"] = []string{"whole"} // runs no step that it has not
	settings["layers"] = []string{"one"} // and copies from one stage
	if f.build.target != "" {
		settings["minimal"] = []string{"true"}
	}
	collected, source := &reports{}, []byte(nil)
	build := frontend.New(frontend.Options{
		Args: settings, ConfigName: req.configName, Config: req.config, ReadConfig: readConfig, Local: req.trees(),
		Commands: req.commands, DryRun: true, Check: check.With(checkers), Version: version.String(),
		Measures: measures(), OnReport: collected.add, OnSource: func(data []byte) { source = data }, VerifyImage: f.build.baseVerifier(a),
	})
	e, err := engine.Choose(ctx, f.build.engine(a, build))
	if errors.Is(err, embedded.ErrNamespace) {
		return nil, nil, a.inNamespace(ctx, req)
	}
	if err != nil {
		return nil, nil, hintEngine(err)
	}
	defer e.Close()
	a.log.Infof("building the stages with %s, as %s", e.Name, e.Reason)
	if _, err := a.solve(ctx, e, req, build); err != nil {
		return nil, nil, err
	}
	defer e.Prune()
	return collected, source, nil
}

// notCompiled says that Go programs are compiled as written.
func notCompiled(s *report.Static) []string {
	if s == nil {
		return nil
	}
	where := ""
	if s.Line > 0 {
		where = fmt.Sprintf(" of line %d", s.Line)
	}
	return []string{"The Go programs" + where + " are compiled as written. whittle build makes them static and strips them where it can, as CGO_ENABLED=0 and go build -trimpath -ldflags '-s -w' do."}
}

// writeRewritten writes the Dockerfile and the files that lie beside it.
func (a *app) writeRewritten(ctx context.Context, f *rewriteFlags, dir string, res *dockerfilesink.Result) error {
	for _, file := range res.Files {
		name := filepath.Join(dir, filepath.FromSlash(file.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // part of a repository
			return fmt.Errorf("--files: %w", err)
		}
		if err := staging.WriteFile(ctx, name, file.Data); err != nil {
			return fmt.Errorf("--files: %w", err)
		}
	}
	if len(res.Files) > 0 {
		a.log.Infof("wrote %d files below %s, which the Dockerfile copies", len(res.Files), path.Join(filepath.ToSlash(dir), filepath.ToSlash(f.files)))
	}
	if res.Embedded > embeddedLines {
		a.log.Warnf("%d lines of the Dockerfile are the contents of files that no stage has; --files DIR writes them beside it", res.Embedded)
	}
	if f.output != "" {
		if err := staging.WriteFile(ctx, f.output, res.Text); err != nil {
			return fmt.Errorf("writing the Dockerfile: %w", err)
		}
		return nil
	}
	_, err := a.Out.Write(res.Text)
	return err
}

// embeddedLines is how many lines of files a Dockerfile has before it is said
// that they can be elsewhere.
const embeddedLines = 40
