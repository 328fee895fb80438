package frontend

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/convertllb"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/moby/buildkit/frontend/subrequests/outline"
	"github.com/moby/buildkit/frontend/subrequests/targets"
	"github.com/moby/buildkit/solver/pb"
)

// subrequest answers docker build --check and --call. It must answer them all:
// a client that is told "unsupported" falls back to an old linter of its own.
func (b *build) subrequest(ctx context.Context) (*gateway.Result, bool, error) {
	opt := b.convert(ctx, nil, 0)
	return b.ui.HandleSubrequest(ctx, dockerui.RequestHandler{
		Outline: func(ctx context.Context) (*outline.Outline, error) {
			return dockerfile2llb.Dockerfile2Outline(ctx, b.src.Data, opt)
		},
		ListTargets: func(ctx context.Context) (*targets.List, error) {
			return dockerfile2llb.ListTargets(ctx, b.src.Data)
		},
		Lint: func(ctx context.Context) (*lint.LintResults, error) {
			return b.lint(ctx, opt)
		},
		ConvertLLB: func(ctx context.Context) (*convertllb.Result, error) {
			return dockerfile2llb.DockerfileConvertLLB(ctx, b.src.Data, opt)
		},
	})
}

// lint puts our findings beside BuildKit's own.
func (b *build) lint(ctx context.Context, opt dockerfile2llb.ConvertOpt) (*lint.LintResults, error) {
	res, err := dockerfile2llb.DockerfileLint(ctx, b.src.Data, opt)
	if err != nil || res == nil || b.Check == nil || b.config.LintOff {
		return res, err
	}
	findings, err := b.check(ctx)
	if err != nil {
		return nil, fmt.Errorf("linting %s: %w", b.src.Filename, err)
	}
	source := 0
	if len(res.Sources) == 0 {
		source = res.AddSource(b.src.SourceMap)
	}
	for _, f := range findings {
		if said(res, f) {
			continue
		}
		res.Warnings = append(res.Warnings, lint.Warning{
			RuleName: f.Rule, Description: f.Description, URL: f.URL, Detail: f.Message,
			Location: &pb.Location{SourceIndex: int32(source), Ranges: ranges(lines(f.Line, f.End))},
		})
	}
	return res, nil
}

// said reports whether BuildKit has the same finding on the same line.
func said(res *lint.LintResults, f Finding) bool {
	return slices.ContainsFunc(res.Warnings, func(w lint.Warning) bool {
		if !slices.Contains(f.Aliases, w.RuleName) || w.Location == nil || len(w.Location.Ranges) == 0 {
			return false
		}
		return int(w.Location.Ranges[0].Start.Line) == f.Line
	})
}

// lintWarnings shows serious findings as warnings of an ordinary build. A
// linter that fails must not stop a build; the error is findings that the
// Dockerfile wants to fail it.
func (b *build) lintWarnings(ctx context.Context) error {
	if b.Check == nil || b.config.LintOff {
		return nil
	}
	findings, err := b.check(ctx)
	if err != nil {
		b.warn(ctx, fmt.Sprintf("linting %s: %v", b.src.Filename, err), nil, "")
		return nil
	}
	var fatal []Finding
	for _, f := range findings {
		if f.Severity != "error" && f.Severity != "warning" || len(f.Aliases) > 0 && b.native(f) {
			continue
		}
		b.warn(ctx, fmt.Sprintf("%s: %s (line %d)", f.Rule, strings.TrimSpace(f.Message), f.Line), lines(f.Line, f.End), f.URL)
		if f.Fatal {
			fatal = append(fatal, f)
		}
	}
	if len(fatal) == 0 {
		return nil
	}
	var names []string
	for _, f := range fatal {
		if !slices.Contains(names, f.Rule) {
			names = append(names, f.Rule)
		}
	}
	return b.refuse(fmt.Errorf("the Dockerfile asks for check=error=true, and there are findings of %s", strings.Join(names, ", ")), lines(fatal[0].Line, fatal[0].End))
}

// check lints the Dockerfile, and takes a panic for an error.
func (b *build) check(ctx context.Context) (_ []Finding, err error) {
	defer recovered(&err)
	return b.Check(ctx, Checked{Name: b.src.Filename, Dockerfile: b.src.Data, Config: b.yaml, Target: b.ui.Target, Args: b.ui.BuildArgs, About: about{ctx, b}})
}

// native reports whether BuildKit itself warns about the same during a build.
func (b *build) native(f Finding) bool {
	return slices.ContainsFunc(f.Aliases, func(a string) bool {
		return a != "" && a[0] >= 'A' && a[0] <= 'Z' && !strings.ContainsAny(a, "-0123456789_")
	})
}
