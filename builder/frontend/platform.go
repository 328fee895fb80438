package frontend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/protobuf/proto"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/probe"
	"github.com/whittle-oci/whittle/builder/report"
	llbsink "github.com/whittle-oci/whittle/builder/sink/llb"
	"github.com/whittle-oci/whittle/builder/tree/reftree"
)

// convert gives what dockerfile2llb needs; warnings come once, however many
// platforms there are.
func (b *build) convert(ctx context.Context, p *ocispecs.Platform, idx int) dockerfile2llb.ConvertOpt {
	opt := dockerfile2llb.ConvertOpt{
		Config: b.ui.Config, Client: b.ui, SourceMap: b.src.SourceMap, TargetPlatform: p, MetaResolver: b.client,
		Warn: func(rule, description, url, msg string, location []parser.Range) {
			line := 0
			if len(location) > 0 {
				line = location[0].Start.Line
			}
			b.warn(ctx, linter.LintFormatShort(rule, msg, line), location, url, description)
		},
	}
	opt.BuildArgs = maps.Clone(opt.BuildArgs)
	if idx != 0 {
		opt.Warn = nil
	}
	return opt
}

// platform builds the Dockerfile for one platform and makes the result small.
func (b *build) platform(ctx context.Context, p *ocispecs.Platform, idx int, att *attestations) (*dockerui.BuildResult, error) {
	conv, err := dockerfile2llb.Dockerfile2LLB(ctx, b.src.Data, b.convert(ctx, p, idx))
	if err != nil {
		return nil, err
	}
	marshalled, err := conv.State.Marshal(ctx)
	if err != nil {
		return nil, fmt.Errorf("marshalling the build: %w", err)
	}
	def := marshalled.ToPB()
	if b.config.BaseLabels {
		labels, err := origin(def)
		if err != nil {
			return nil, err
		}
		conv.Image = labelled(conv.Image, conv.BaseImage, labels)
	}
	if ok, why := b.minimal(); !ok {
		if err := b.runnable(def, ""); err != nil {
			return nil, err
		}
		if idx == 0 && why != "" {
			b.warn(ctx, why, nil, "")
		}
		return b.asWritten(ctx, def, conv, p)
	}
	cross, err := b.crossing(ctx, def, p)
	if err != nil {
		return nil, err
	}
	why := ""
	if cross != nil {
		if err := b.runnable(cross.def, ""); err != nil {
			return nil, err
		}
		res, err := b.rewrite(ctx, cross.def, cross.conv, p, idx, att, cross)
		if why = notCrossed(err); why == "" {
			return res, err
		}
	}
	if err := b.runnable(def, why); err != nil {
		return nil, err
	}
	return b.rewrite(ctx, def, conv, p, idx, att, nil)
}

// minimal reports whether the wanted stage is rewritten, and if not, why.
func (b *build) minimal() (bool, string) {
	if b.config.Minimal || b.file.isLast() {
		return true, ""
	}
	return false, fmt.Sprintf("the target %s is not the last stage, so it is built as written; minimal: true (build argument WHITTLE_MINIMAL=true) makes it minimal", b.ui.Target)
}

// asWritten returns the stage as BuildKit's own frontend does.
func (b *build) asWritten(ctx context.Context, def *pb.Definition, conv *dockerfile2llb.Result, p *ocispecs.Platform) (*dockerui.BuildResult, error) {
	if b.config.Probe && conv.Image.Config.Healthcheck != nil {
		b.warn(ctx, "probe: the health check stays as it is, since the image is built as written", b.file.where("HEALTHCHECK"), "")
	}
	ref, err := b.shipped(ctx, def)
	if err != nil {
		return nil, err
	}
	if !b.config.Budget.IsZero() {
		t := reftree.New(ctx, ref)
		size, err := count(ctx, t)
		if err != nil {
			return nil, b.refused(fmt.Errorf("measuring the image: %w", err))
		}
		installed, err := decide.Packages(t).Installed(ctx)
		if err != nil {
			return nil, b.refused(fmt.Errorf("measuring the image: %w", err))
		}
		// A shell is refused where the image is planned; as written it stays.
		if err := b.budget(report.Side{Bytes: size.Bytes, Files: size.Files, Packages: len(installed)}, "it is built as written"); err != nil {
			return nil, err
		}
	}
	if _, err := b.try(ctx, tried{root: def, config: conv.Image.Config, platform: p}); err != nil {
		return nil, err
	}
	return &dockerui.BuildResult{Reference: ref, Image: conv.Image, BaseImage: conv.BaseImage, Epoch: conv.Epoch}, nil
}

// rewrite builds the user's stages, plans the image and returns it. cross is the
// build that def is of where stages of it run on another platform; a
// *notCrossedError says that they cannot.
func (b *build) rewrite(ctx context.Context, def *pb.Definition, conv *dockerfile2llb.Result, p *ocispecs.Platform, idx int, att *attestations, cross *crossing) (*dockerui.BuildResult, error) {
	stage, compiled, err := b.compile(ctx, def, cross)
	if err != nil {
		return nil, err
	}
	before := b.measuring(ctx, stage, conv.Image.Config.User)
	defer before.close()
	options, err := b.planOptions(conv.Image)
	if err != nil {
		return nil, err
	}
	stage, made, err := b.planned(ctx, stage, p, decide.Input{BaseEnv: baseEnv(conv.BaseImage), Config: conv.Image.Config, Compiles: compiled.compiles(b.file), Options: options})
	if u, ok := errors.AsType[*image.UnsupportedError](err); ok {
		b.warn(ctx, fmt.Sprintf("%s; the image is built as written", u), b.file.where(u.Instruction), "")
		return b.asWritten(ctx, def, conv, p)
	}
	if bad, ok := errors.AsType[*image.RefusedError](err); ok && cross != nil {
		return nil, &notCrossedError{bad.Error()}
	}
	if err != nil {
		return nil, b.refused(err)
	}
	if err := cross.check(ctx, stage, made, p); err != nil {
		return nil, err
	}
	if name, ok := llbsink.Unnameable(made, b.can()); ok {
		b.warn(ctx, fmt.Sprintf("the name %q is not UTF-8, so that a build cannot be told of it; the image is built as written", name), nil, "", "rename it, or exclude: it")
		return b.asWritten(ctx, def, conv, p)
	}
	compiled.unseen(made)
	rep := report.New(platformName(p), made)
	rep.Static = compiled.report
	rep.Before = before.result()
	if err := b.budget(rep.After, "the report's droppable files are the first to look at"); err != nil {
		return nil, err
	}
	if idx == 0 {
		b.planWarnings(ctx, made)
	}
	created := time.Unix(0, 0).UTC()
	if conv.Epoch != nil {
		created = *conv.Epoch
	}
	img := b.image(conv.Image, made, created)
	if b.DryRun {
		b.reported(rep, made)
		return &dockerui.BuildResult{Image: img}, nil
	}
	from, err := b.sources(ctx, def, stage, made)
	if err != nil {
		return nil, err
	}
	small, err := b.small(ctx, made, from, created, p)
	if err != nil {
		return nil, err
	}
	ref, err := b.shipped(ctx, small)
	if err != nil {
		return nil, err
	}
	if rep.Smoke, err = b.try(ctx, tried{root: small, config: img.Config, platform: p, plan: made, built: stage.tree}); err != nil {
		return nil, err
	}
	b.reported(rep, made)
	att.add(p, rep, made, stage.state, created)
	return &dockerui.BuildResult{Reference: ref, Image: img, Epoch: &created}, nil
}

// planned decides what the image of a stage holds. in has everything but the
// stage. Where java: jlink makes another stage of it, the image is that one's.
func (b *build) planned(ctx context.Context, s *stage, p *ocispecs.Platform, in decide.Input) (*stage, *image.Plan, error) {
	in.Tree, in.Changed, in.Base = s.tree, s.changed, s.base
	made, err := decide.Decide(ctx, in)
	if err != nil || !b.config.Jlink {
		return s, made, err
	}
	linked, err := b.linked(ctx, s, made, p)
	if err != nil || linked == nil {
		return s, made, err
	}
	in.Tree, in.Changed, in.Base = linked.tree, linked.changed, linked.base
	if made, err = decide.Decide(ctx, in); err != nil {
		return linked, nil, err
	}
	return linked, made, told(ctx, linked, made)
}

// sources are the states that the files of an image are copied from.
func (b *build) sources(ctx context.Context, def *pb.Definition, s *stage, made *image.Plan) (llbsink.Sources, error) {
	out := llbsink.Sources{Base: s.baseState}
	var err error
	if out.Built, err = b.independent(ctx, def, s.state, made.Bytecode, made.Config.Env); err != nil {
		return out, err
	}
	for _, l := range made.Layers {
		if l.Base {
			out.Base, err = b.independent(ctx, def, s.baseState, l.Bytecode, nil)
		}
	}
	return out, err
}

// baseEnv is the environment that a base image sets, nil where the stage began
// from scratch.
func baseEnv(img *dockerspec.DockerOCIImage) []string {
	if img == nil {
		return nil
	}
	return img.Config.Env
}

// planOptions are the settings of the plan of one platform.
func (b *build) planOptions(img *dockerspec.DockerOCIImage) (decide.Options, error) {
	o := b.config.Plan
	if b.config.Probe && img.Config.Healthcheck != nil {
		program, ok := probe.Program(img.Architecture)
		if !ok {
			return o, b.refuse(fmt.Errorf("probe: there is none for %s, only for %s", img.Architecture, strings.Join(probe.Architectures(), " and ")), b.file.where("HEALTHCHECK"))
		}
		o.Probe = program
	}
	return o, nil
}

// reported hands a report to the caller.
func (b *build) reported(rep *report.Report, made *image.Plan) {
	if b.OnReport != nil {
		b.OnReport(rep, made)
	}
}

// image is the configuration of the minimal image: what the plan says, with no
// history but that of its layers.
func (b *build) image(built *dockerspec.DockerOCIImage, made *image.Plan, created time.Time) *dockerspec.DockerOCIImage {
	img := *built
	img.Config = made.Config
	img.Created = &created
	img.RootFS = ocispecs.RootFS{Type: "layers"}
	img.History = nil
	for _, l := range made.Layers {
		img.History = append(img.History, ocispecs.History{Created: &created, CreatedBy: "whittle", Comment: l.Comment()})
	}
	return &img
}

// small is the definition of the minimal image.
func (b *build) small(ctx context.Context, made *image.Plan, from llbsink.Sources, created time.Time, p *ocispecs.Platform) (*pb.Definition, error) {
	st := llbsink.State(made, from, created, b.can())
	opts := []llb.ConstraintsOpt{llb.WithCaps(b.client.BuildOpts().LLBCaps)}
	if p != nil {
		opts = append(opts, llb.Platform(*p))
	}
	def, err := st.Marshal(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("marshalling the minimal image: %w", err)
	}
	return def.ToPB(), nil
}

// can says what the builder is able to do.
func (b *build) can() llbsink.Can {
	caps := b.client.BuildOpts().LLBCaps
	return llbsink.Can{Symlinks: caps.Supports(pb.CapFileSymlinkCreate) == nil, SymbolicModes: caps.Supports(pb.CapFileCopyModeStringFormat) == nil}
}

// shipped gives the result of a definition that is part of the build's result.
// It is made when it is first read.
func (b *build) shipped(ctx context.Context, def *pb.Definition) (gateway.Reference, error) {
	b.weight.Add(int64(proto.Size(def)))
	return b.request(ctx, def, false)
}

// request runs a definition with the caches that the client asked for. The
// result is made now, or when it is first read.
func (b *build) request(ctx context.Context, def *pb.Definition, now bool) (gateway.Reference, error) {
	if err := b.sendable(def); err != nil {
		return nil, err
	}
	res, err := b.client.Solve(ctx, gateway.SolveRequest{Definition: def, CacheImports: b.ui.CacheImports, Evaluate: now})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// runnable refuses a build with a RUN for a platform that the builder cannot
// execute, before the RUN fails with "exec format error". why says why a stage
// that compiles did not run on the builder's own, "" where that was not tried.
func (b *build) runnable(def *pb.Definition, why string) error {
	workers := b.client.BuildOpts().Workers
	if len(workers) == 0 {
		return nil
	}
	can := platforms.Any(workers[0].Platforms...)
	g, err := graph.Parse(def)
	if err != nil {
		return err
	}
	for _, d := range g.Order {
		op := g.Ops[d]
		if op.GetExec() == nil || op.Platform == nil {
			continue
		}
		if want := op.Platform.Spec(); !can.Match(want) {
			return b.foreign(lineOf(def, d), want, why)
		}
	}
	return nil
}
