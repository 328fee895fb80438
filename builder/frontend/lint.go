package frontend

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/convertllb"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/moby/buildkit/frontend/subrequests/outline"
	"github.com/moby/buildkit/frontend/subrequests/targets"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// subrequest answers docker build --check and --call. It must answer them all:
// a client that is told "unsupported" falls back to an old linter of its own.
func (b *build) subrequest(ctx context.Context) (*gateway.Result, bool, error) {
	opt := b.convert(ctx, nil, 0)
	linted, failed := false, false
	res, ok, err := b.ui.HandleSubrequest(ctx, dockerui.RequestHandler{
		Outline: func(ctx context.Context) (*outline.Outline, error) {
			return dockerfile2llb.Dockerfile2Outline(ctx, b.src.Data, opt)
		},
		ListTargets: func(ctx context.Context) (*targets.List, error) {
			return dockerfile2llb.ListTargets(ctx, b.src.Data)
		},
		Lint: func(ctx context.Context) (res *lint.LintResults, err error) {
			linted = true
			res, failed, err = b.lint(ctx, opt)
			return res, err
		},
		ConvertLLB: func(ctx context.Context) (*convertllb.Result, error) {
			return dockerfile2llb.DockerfileConvertLLB(ctx, b.src.Data, opt)
		},
	})
	if linted && !failed && res != nil {
		res.AddMeta("result.statuscode", []byte("0")) // remarks are no failure
	}
	return res, ok, err
}

// lint puts our findings beside BuildKit's own. failed reports whether the
// client should fail: with BuildKit's that is any warning, with ours what the
// configuration counts as a failure.
func (b *build) lint(ctx context.Context, opt dockerfile2llb.ConvertOpt) (res *lint.LintResults, failed bool, err error) {
	res, err = dockerfile2llb.DockerfileLint(ctx, b.src.Data, opt)
	if err != nil || res == nil {
		return res, true, err
	}
	failed = len(res.Warnings) > 0 || res.Error != nil
	if b.Check == nil || b.config.LintOff {
		return res, failed, nil
	}
	name, ignore := b.ignoreFile(ctx)
	findings, err := b.check(ctx, name, ignore)
	if err != nil {
		return nil, true, fmt.Errorf("linting %s: %w", b.src.Filename, err)
	}
	location := func(f Finding) *pb.Location {
		file := b.src.SourceMap
		if f.InIgnore {
			file = llb.NewSourceMap(nil, name, "", ignore)
			file.Definition = &llb.Definition{}
		}
		return &pb.Location{SourceIndex: int32(res.AddSource(file)), Ranges: ranges(lines(f.Line, f.End))}
	}
	var fatal []Finding
	for _, f := range findings {
		if said(res, f) {
			continue
		}
		failed = failed || f.Fails
		if f.InIgnore { // buildx calls every source by the Dockerfile's name
			f.Message = name + ": " + f.Message
		}
		if serious(f) && b.fatal(f) {
			fatal = append(fatal, f)
		}
		res.Warnings = append(res.Warnings, lint.Warning{
			RuleName: f.Rule, Description: f.Description, URL: f.URL, Detail: f.Message,
			Location: location(f),
		})
	}
	if len(fatal) > 0 && res.Error == nil {
		failed = true
		res.Error = &lint.BuildError{
			Message:  violation(fatal).Error(),
			Location: *location(fatal[0]),
		}
	}
	return res, failed, nil
}

// serious reports whether a finding is more than a remark.
func serious(f Finding) bool { return f.Severity == "error" || f.Severity == "warning" }

// fatal reports whether a finding fails the build. The build argument
// BUILDKIT_DOCKERFILE_CHECK stands for the directive of the Dockerfile.
func (b *build) fatal(f Finding) bool {
	if c := b.ui.LinterConfig; c != nil {
		return c.ReturnAsError
	}
	return f.Fatal
}

// violation is the error of a build that findings fail.
func violation(fatal []Finding) error {
	var names []string
	for _, f := range fatal {
		if !slices.Contains(names, f.Rule) {
			names = append(names, f.Rule)
		}
	}
	return fmt.Errorf("check=error=true is asked for, and there are findings of %s", strings.Join(names, ", "))
}

// said reports whether BuildKit has the same finding of the same instruction, of
// which it names the lines and we the place.
func said(res *lint.LintResults, f Finding) bool {
	return !f.InIgnore && slices.ContainsFunc(res.Warnings, func(w lint.Warning) bool {
		if !slices.Contains(f.Aliases, w.RuleName) || w.Location == nil || len(w.Location.Ranges) == 0 {
			return false
		}
		at := w.Location.Ranges[0]
		return int(at.Start.Line) <= f.Line && f.Line <= int(max(at.Start.Line, at.End.Line))
	})
}

// lintWarnings shows serious findings as warnings of an ordinary build. The
// error is that of findings that shall fail the build; a linter that fails
// itself must not.
func (b *build) lintWarnings(ctx context.Context) error {
	if b.Check == nil || b.config.LintOff {
		return nil
	}
	findings, err := b.check(ctx, "", nil)
	if ctx.Err() != nil {
		return nil // the build has failed meanwhile
	}
	if err != nil {
		b.warn(ctx, fmt.Sprintf("linting %s: %v", b.src.Filename, err), nil, "")
		return nil
	}
	var fatal []Finding
	for _, f := range findings {
		if !serious(f) || len(f.Aliases) > 0 && b.native(f) {
			continue
		}
		b.warn(ctx, fmt.Sprintf("%s: %s (line %d)", f.Rule, strings.TrimSpace(f.Message), f.Line), lines(f.Line, f.End), f.URL)
		if b.fatal(f) {
			fatal = append(fatal, f)
		}
	}
	if len(fatal) == 0 {
		return nil
	}
	return b.refuse(violation(fatal), lines(fatal[0].Line, fatal[0].End))
}

// furtherContexts are the names in --build-context, which stand in options as
// context:NAME or context:NAME::PLATFORM.
func furtherContexts(opts map[string]string) (names []string) {
	for key := range opts {
		if name, ok := strings.CutPrefix(key, "context:"); ok {
			name, _, _ = strings.Cut(name, "::")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// check lints the Dockerfile and, where its content is not nil, the ignore file,
// and takes a panic for an error.
func (b *build) check(ctx context.Context, ignoreFile string, ignore []byte) (_ []Finding, err error) {
	defer recovered(&err)
	c := Checked{
		Name: b.src.Filename, Dockerfile: b.src.Data, Target: b.ui.Target, Args: b.ui.BuildArgs, About: about{ctx, b},
		Platforms:  formatted(b.ui.TargetPlatforms),
		Contexts:   furtherContexts(b.client.BuildOpts().Opts),
		ConfigName: b.yaml.name, Config: b.yaml.data, Fetch: b.fetch,
		IgnoreFile: ignoreFile, Ignore: ignore,
		Read: func(ctx context.Context, path string) ([]byte, error) {
			if b.yaml.read == nil {
				return nil, fmt.Errorf("%s cannot be read in this build", path)
			}
			data, err := b.yaml.read(ctx, path)
			if data == nil && err == nil {
				err = fmt.Errorf("%s is not there", path)
			}
			return data, err
		},
	}
	if l := b.ui.LinterConfig; l != nil {
		c.Skip = l.SkipRules
		if l.SkipAll {
			c.Skip = []string{"all"}
		}
	}
	return b.Check(ctx, c)
}

func formatted(list []ocispecs.Platform) []string {
	var out []string
	for _, p := range list {
		out = append(out, platforms.Format(p))
	}
	return out
}

// native reports whether BuildKit itself warns about the same during a build.
func (b *build) native(f Finding) bool {
	return slices.ContainsFunc(f.Aliases, func(a string) bool {
		return a != "" && a[0] >= 'A' && a[0] <= 'Z' && !strings.ContainsAny(a, "-0123456789_")
	})
}
