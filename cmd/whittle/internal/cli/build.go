package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/engine/embedded"
	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/oci/staging"
	"github.com/whittle-oci/whittle/builder/page"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/cmd/internal/check"
	"github.com/whittle-oci/whittle/cmd/internal/version"
)

func (a *app) buildCommand() *cobra.Command {
	f := &buildFlags{}
	c := &cobra.Command{
		Use:   "build [flags] [CONTEXT]",
		Short: "Build a Dockerfile into a minimal image",
		Long: `Build runs a Dockerfile as it is and ships only what its program needs.

CONTEXT is a directory, a Git repository or a tarball's URL; it is the current
directory when it is left out. Flags have the names and meanings of docker
buildx build; those at the end of the list are whittle's own.`,
		Example: `  whittle build -t registry.example/shop --push
  whittle build --dry-run
  whittle build -f docker/Dockerfile --platform linux/amd64,linux/arm64 -o type=oci,dest=shop.tar .`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return a.build(c, f, dir)
		},
	}
	f.register(c.Flags())
	return c
}

// build runs one build: request, engine, solve, signatures, what to print.
func (a *app) build(c *cobra.Command, f *buildFlags, dir string) error {
	ctx := c.Context()
	if err := f.check(c.Flags()); err != nil {
		return err
	}
	req, err := f.request(ctx, a, dir)
	if err != nil {
		return err
	}
	defer req.discard()
	if err := f.report.open(ctx, a); err != nil {
		return err
	}
	defer f.report.discard()
	collected := &reports{}
	settings := f.settings(c.Flags())
	if _, set := settings["no-identity"]; embedded.InNamespace() && !set {
		a.log.Info("the image's user gets no home: a plain user namespace cannot write files of another user")
		settings["no-identity"] = []string{"true"}
	}
	if f.ifStale {
		if current, err := a.unlessCurrent(ctx, f, req, settings); current || err != nil {
			return err
		}
	}
	build := frontend.New(frontend.Options{
		Args: settings, ConfigName: req.configName, Config: req.config, ReadConfig: readConfig, Local: req.trees(),
		Commands: req.commands, DryRun: f.dryRun, Check: check.With(checkers), Version: version.String(),
		Program: frontend.ProgramOfClient(req.program), Measures: measures(), OnReport: collected.add, VerifyImage: f.baseVerifier(a),
	})
	withTools, err := f.prepareDebug(ctx, c.Flags(), req)
	if err != nil {
		return err
	}
	if err := f.prepareSigning(ctx, a); err != nil {
		return err
	}
	e, err := engine.Choose(ctx, f.engine(a, build))
	if errors.Is(err, embedded.ErrNamespace) {
		return a.inNamespace(ctx, req)
	}
	if err != nil {
		return hintEngine(err)
	}
	defer e.Close()
	a.log.Infof("building with %s, as %s", e.Name, e.Reason)
	if err := f.fit(ctx, a, req, e); err != nil {
		return err
	}
	res, err := a.solve(ctx, e, req, build)
	if err != nil {
		return err
	}
	if err := req.publish(ctx, a); err != nil {
		return err
	}
	defer e.Prune()
	if collected.debug, err = a.finishDebug(ctx, withTools, req, res.ExporterResponse["containerimage.digest"]); err != nil {
		return err
	}
	return a.finishBuild(ctx, f, req, res, collected)
}

// solve runs the build and shows its progress. What our own function returned
// is preferred to what came back over the wire, which has lost its type.
func (a *app) solve(ctx context.Context, e *engine.Engine, req *buildRequest, build gateway.BuildFunc) (*client.SolveResponse, error) {
	var mu sync.Mutex
	var own error
	ch := make(chan *client.SolveStatus)
	shown := a.progress(ctx, req.progress, ch)
	res, err := e.Client.Build(ctx, req.solve, "whittle", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := build(ctx, c)
		mu.Lock()
		own = err
		mu.Unlock()
		return res, err
	}, ch)
	warnings := <-shown
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	a.printWarnings(warnings)
	if err != nil {
		mu.Lock()
		defer mu.Unlock()
		if werr := req.outputError(); werr != nil {
			return nil, fmt.Errorf("%w (%w)", werr, err)
		}
		return nil, a.buildError(err, own)
	}
	return res, nil
}

// reports collects what the build says about its platforms.
type reports struct {
	mu    sync.Mutex
	list  []*report.Report
	plans []*image.Plan
	debug string // digest of the image of --debug
}

func (r *reports) add(x *report.Report, p *image.Plan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, x)
	r.plans = append(r.plans, p)
}

// buildResult is what build prints with --json.
type buildResult struct {
	Digest string   `json:"digest,omitempty"`
	Debug  string   `json:"debug,omitempty"` // digest of the image of --debug
	Names  []string `json:"names,omitempty"`
	Signed bool     `json:"signed,omitempty"`
	// Stale is said with --if-stale, and what has moved; where it is false,
	// nothing was built and there are no reports.
	Stale   *bool            `json:"stale,omitempty"`
	Moved   []string         `json:"moved,omitempty"`
	Reports []*report.Report `json:"reports"`
	Plans   []*image.Plan    `json:"plans,omitempty"`
}

// title is what was built, in words.
func (r *buildRequest) title() string {
	return cmp.Or(strings.Join(r.names, ", "), "an image without a name")
}

// finishBuild writes the files that the flags ask for, signs, and prints.
func (a *app) finishBuild(ctx context.Context, f *buildFlags, req *buildRequest, res *client.SolveResponse, r *reports) error {
	digest := res.ExporterResponse["containerimage.digest"]
	out := buildResult{Digest: digest, Debug: r.debug, Names: req.names, Reports: r.sorted(), Moved: f.what}
	if f.ifStale {
		out.Stale = &f.ifStale
	}
	if f.dryRun {
		if err := f.report.write(page.Build(req.title(), out.Reports), out); err != nil {
			return err
		}
		out.Plans = r.plans
		return a.printBuild(f, out)
	}
	if f.sign {
		if err := a.signBuilt(ctx, f, req, digest); err != nil {
			return err
		}
		out.Signed = true
	}
	if f.metadataFile != "" {
		if err := writeMetadata(ctx, f.metadataFile, res.ExporterResponse); err != nil {
			return err
		}
	}
	if f.iidFile != "" {
		id := res.ExporterResponse["containerimage.config.digest"]
		if id == "" {
			id = digest
		}
		if err := staging.WriteFile(ctx, f.iidFile, []byte(id)); err != nil {
			return fmt.Errorf("writing --iidfile: %w", err)
		}
	}
	if err := f.report.write(page.Build(req.title(), out.Reports), out); err != nil {
		return err
	}
	return a.printBuild(f, out)
}

func (a *app) printBuild(f *buildFlags, out buildResult) error {
	if f.json {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	for _, r := range out.Reports {
		w := a.Err
		if f.dryRun {
			w = a.Out
		}
		if a.quiet && !f.dryRun {
			continue
		}
		if err := r.Text(w, report.TextOptions{Files: f.dryRun || a.verbose > 0}); err != nil {
			return err
		}
	}
	if out.Digest != "" {
		_, err := fmt.Fprintln(a.Out, out.Digest)
		return err
	}
	return nil
}

// inNamespace builds in a new process, as root of a user namespace.
func (a *app) inNamespace(ctx context.Context, req *buildRequest) error {
	req.discard()
	a.log.Info("building in a user namespace, as this is not root; RUN instructions cannot run there")
	code, err := embedded.Reexec(ctx)
	if err != nil {
		return hinted{fmt.Errorf("starting a user namespace: %w", err), "run as root, or use a BuildKit that is running (--builder, BUILDKIT_HOST)"}
	}
	if code != OK {
		return exit(code)
	}
	return nil
}
