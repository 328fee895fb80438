// Package buildkit asks BuildKit itself for its checks, the ones that docker
// build --check shows. They live in the code that turns a Dockerfile into a
// build, which runs here against a registry and a context that answer from
// memory: nothing is dialled.
//
// The rules say the same with exact places and fixes, so that no command runs
// it: tests and make conformance hold the rules to what this package says.
package buildkit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	lintpb "github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	fstypes "github.com/tonistiigi/fsutil/types"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// Checker is a lint.Checker. The zero value knows nothing of the context. Images
// are taken to be there for every platform.
type Checker struct {
	// Ignore is the content of the context's .dockerignore, nil for none.
	Ignore []byte
	// Experimental names checks that are off by default, such as
	// InvalidDefinitionDescription; "all" is every one.
	Experimental []string
	// Only names the checks whose findings are wanted; nil for all.
	Only []string
	// Env is what every image sets beside PATH, in the form NAME=value. With it,
	// images have a working directory, too.
	Env []string
}

// Check implements lint.Checker. What BuildKit says before it gives a file up
// counts.
func (c *Checker) Check(ctx context.Context, f *dockerfile.File) ([]lint.Diagnostic, error) {
	out, _, err := c.Warnings(ctx, f)
	return out, err
}

// Warnings lists what BuildKit says of a file. whole is false when it gave the
// file up, so that more may be to say.
func (c *Checker) Warnings(ctx context.Context, f *dockerfile.File) (out []lint.Diagnostic, whole bool, err error) {
	res, err := c.convert(ctx, f)
	if err != nil {
		return nil, false, err
	}
	for _, w := range res.Warnings {
		if c.Only != nil && !slices.Contains(c.Only, w.RuleName) {
			continue
		}
		if w.RuleName == secrets && w.Location != nil && len(w.Location.Ranges) > 0 && noSecret(f, int(w.Location.Ranges[0].Start.Line), w.Detail) {
			continue
		}
		d := lint.Diagnostic{
			Rule: meta(w.RuleName, w.Description, w.URL), Severity: rule.Warning, File: f.File,
			Finding: rule.Finding{Message: w.Detail},
		}
		if w.Location != nil && len(w.Location.Ranges) > 0 {
			d.Span = lines(f.File, int(w.Location.Ranges[0].Start.Line), int(w.Location.Ranges[0].End.Line))
		}
		out = append(out, d)
	}
	// BuildKit goes over maps: two warnings of one line come in any order.
	slices.SortStableFunc(out, func(a, b lint.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Rule.Name, b.Rule.Name), cmp.Compare(a.Message, b.Message))
	})
	return out, res.Error == nil, nil
}

// Refusal gives what BuildKit says where it refuses to turn a file into a build,
// "" where it does not.
func (c *Checker) Refusal(ctx context.Context, f *dockerfile.File) (string, error) {
	res, err := c.convert(ctx, f)
	if err != nil || res.Error == nil {
		return "", err
	}
	return res.Error.Message, nil
}

// convert has BuildKit turn a file into a build.
func (c *Checker) convert(ctx context.Context, f *dockerfile.File) (res *lintpb.LintResults, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("BuildKit's checks of %s failed inside: %v", f.Name, r)
		}
	}()
	stub := &client{ignore: c.Ignore, experimental: c.Experimental, build: f.Build()}
	if f.StageNamed(strings.ToLower(stub.build.Target), len(f.Stages)) < 0 {
		stub.build.Target = "" // the last stage, as the rules take it
	}
	ui, err := dockerui.NewClient(stub)
	if err != nil {
		return nil, fmt.Errorf("setting up BuildKit's checks: %w", err)
	}
	sm := llb.NewSourceMap(nil, f.Name, "Dockerfile", f.Bytes)
	sm.Definition = &llb.Definition{}
	res, err = dockerfile2llb.DockerfileLint(ctx, f.Bytes, dockerfile2llb.ConvertOpt{
		Config: ui.Config, Client: ui, MetaResolver: registry{c.Env},
		SourceMap: sm,
	})
	if err != nil {
		return nil, fmt.Errorf("running BuildKit's checks: %w", err)
	}
	return res, nil
}

// secrets is the check that tells secrets by their names, and takes a socket or
// a public key for one.
const secrets = "SecretsUsedInArgOrEnv"

// noSecret reports whether the variable that BuildKit speaks of, in quotes at
// the end of its message, is known to hold none, by its name or its value.
func noSecret(f *dockerfile.File, line int, message string) bool {
	_, name, _ := strings.Cut(message, `"`)
	name, _, _ = strings.Cut(name, `"`)
	in, ok := f.At(line)
	return credential.Harmless(name) || ok && slices.ContainsFunc(in.Pairs(), func(p dockerfile.Pair) bool {
		return strings.Trim(p.Key, `"'`) == name && credential.HarmlessValue(p.Value)
	})
}

// meta makes the words of a rule from what BuildKit says of it, under our name
// for it and BuildKit's.
func meta(name, description, url string) *rule.Meta {
	m := &rule.Meta{
		Name: names[name], Aliases: []string{name}, Family: rule.Hygiene, Severity: rule.Warning, Presets: []string{"recommended"},
		Summary: strings.TrimSuffix(description, "."), URL: url,
	}
	if m.Name == "" { // a check that is newer than the table
		m.Name = name
	}
	if m.URL == "" {
		m.URL = "https://docs.docker.com/reference/build-checks/"
	}
	m.Why = "One of BuildKit's own checks, which docker build --check shows, too. Its page has examples: " + m.URL
	return m
}

// lines spans whole lines, which is all that BuildKit tells.
func lines(f *source.File, first, last int) source.Span {
	first = min(max(first, 1), f.Lines())
	last = min(max(last, first), f.Lines())
	return source.Span{Start: f.LineStart(first), End: f.LineStart(last) + len(f.Line(last))}
}

// registry answers for every image that it exists and is for the platform that
// is asked for.
type registry struct{ env []string }

// ResolveImageConfig implements llb.ImageMetaResolver. An image without layers
// would count as scratch, so it has one.
func (r registry) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	p := platforms.DefaultSpec()
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		p = *opt.ImageOpt.Platform
	}
	img := ocispecs.Image{Platform: p, RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(ref)}}}
	img.Config.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, r.env...)
	if r.env != nil {
		img.Config.WorkingDir = "/srv"
	}
	dt, err := json.Marshal(img)
	return ref, "", dt, err
}

// client is a gateway whose only content is a .dockerignore.
type client struct {
	gateway.Client
	ignore       []byte
	experimental []string
	build        dockerfile.Build
}

// Every capability there is; listing them costs more than most checks.
var (
	llbCaps     = sync.OnceValue(func() apicaps.CapSet { return pb.Caps.CapSet(pb.Caps.All()) })
	gatewayCaps = sync.OnceValue(func() apicaps.CapSet { return gatewaypb.Caps.CapSet(gatewaypb.Caps.All()) })
)

// BuildOpts implements gateway.Client.
func (c *client) BuildOpts() gateway.BuildOpts {
	opts := map[string]string{}
	for name, value := range c.build.Args {
		opts["build-arg:"+name] = value
	}
	if c.build.Target != "" {
		opts["target"] = c.build.Target
	}
	if len(c.experimental) > 0 {
		opts["build-arg:BUILDKIT_DOCKERFILE_CHECK"] = "experimental=" + strings.Join(c.experimental, ",")
	}
	return gateway.BuildOpts{
		Opts: opts, LLBCaps: llbCaps(), Caps: gatewayCaps(),
		Workers: []gateway.WorkerInfo{{Platforms: []ocispecs.Platform{platforms.DefaultSpec()}}},
	}
}

// Inputs implements gateway.Client.
func (c *client) Inputs(context.Context) (map[string]llb.State, error) { return nil, nil }

// Solve implements gateway.Client: every source is the same small directory.
func (c *client) Solve(context.Context, gateway.SolveRequest) (*gateway.Result, error) {
	res := gateway.NewResult()
	res.SetRef(&reference{ignore: c.ignore})
	return res, nil
}

// Warn implements gateway.Client; warnings come as results here.
func (c *client) Warn(context.Context, digest.Digest, string, gateway.WarnOpts) error { return nil }

type reference struct {
	gateway.Reference
	ignore []byte
}

// ReadFile implements gateway.Reference.
func (r *reference) ReadFile(_ context.Context, req gateway.ReadRequest) ([]byte, error) {
	if r.ignore == nil || req.Filename != ".dockerignore" {
		return nil, &fs.PathError{Op: "open", Path: req.Filename, Err: fs.ErrNotExist}
	}
	return r.ignore, nil
}

// StatFile implements gateway.Reference.
func (r *reference) StatFile(_ context.Context, req gateway.StatRequest) (*fstypes.Stat, error) {
	if r.ignore == nil || req.Path != ".dockerignore" {
		return nil, &fs.PathError{Op: "stat", Path: req.Path, Err: fs.ErrNotExist}
	}
	return &fstypes.Stat{Path: req.Path, Mode: 0o644, Size: int64(len(r.ignore))}, nil
}
