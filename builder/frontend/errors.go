package frontend

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree/reftree"
)

// A RefusedError is a Dockerfile that is not built, or whose result is not
// shipped: the fault lies in what was given, not in how it went. Line is 0
// when it is about the file as a whole.
type RefusedError struct {
	File string
	Line int
	Err  error
}

// Error gives the place and the reason.
func (e *RefusedError) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// ExitCode is the code for a Dockerfile that is refused.
func (*RefusedError) ExitCode() int { return 1 }

// An UntriedError is an image that was to be tried and could not be: nothing is
// known of whether it works.
type UntriedError struct {
	Why string // "" for what Err says
	Err error  // may be nil
}

// Error says why.
func (e *UntriedError) Error() string {
	why := e.Why
	if why == "" {
		why = e.Err.Error()
	}
	return "smoke: the image could not be tried: " + why
}

// Unwrap returns the cause.
func (e *UntriedError) Unwrap() error { return e.Err }

// refuse makes an error that points at lines of the Dockerfile.
func (b *build) refuse(err error, at []parser.Range) error {
	r := &RefusedError{File: b.src.Filename, Err: err}
	if len(at) == 0 {
		return r
	}
	r.Line = at[0].Start.Line
	return b.withSource(r, at)
}

// refused gives what a plan says the line of the Dockerfile it is about. Other
// errors pass as they are.
func (b *build) refused(err error) error {
	if bad, ok := errors.AsType[*image.RefusedError](err); ok {
		return b.refuse(bad, b.file.where(bad.Instruction))
	}
	if errors.Is(err, reftree.ErrName) {
		return b.refuse(fmt.Errorf("reading the final stage: %w; rename the file or delete it there", err), b.file.where("FROM"))
	}
	return err
}

// foreign refuses a RUN for a platform that the builder cannot execute, with
// the line that makes the stage cross-compile. why says why it was not made to.
func (b *build) foreign(line int, want ocispecs.Platform, why string) error {
	hint := ""
	if why != "" {
		hint = ", and what it compiles cannot be compiled on another: " + why
	}
	if st := b.file.stageAt(line); st != nil {
		hint += fmt.Sprintf("; build on the machine's own platform with %s and compile for $TARGETPLATFORM, or install an emulator (binfmt_misc, qemu-user-static)", from(st))
	}
	return b.refuse(fmt.Errorf("this builder cannot run programs for %s%s", platforms.Format(want), hint), lines(line, line))
}

// withSource attaches the lines of the Dockerfile, which clients print.
func (b *build) withSource(err error, at []parser.Range) error {
	sm := b.src.SourceMap
	if sm == nil || len(at) == 0 {
		return err
	}
	return errdefs.WithSource(err, &errdefs.Source{
		Info:   &pb.SourceInfo{Data: sm.Data, Filename: sm.Filename, Language: sm.Language, Definition: sm.Definition.ToPB()},
		Ranges: ranges(at),
	})
}

func ranges(at []parser.Range) []*pb.Range {
	var out []*pb.Range
	for _, r := range at {
		out = append(out, &pb.Range{
			Start: &pb.Position{Line: int32(r.Start.Line), Character: int32(r.Start.Character)},
			End:   &pb.Position{Line: int32(r.End.Line), Character: int32(r.End.Character)},
		})
	}
	return out
}

// warn sends a warning of the build. Each detail is a paragraph.
func (b *build) warn(ctx context.Context, msg string, at []parser.Range, url string, detail ...string) {
	opts := gateway.WarnOpts{Level: 1, URL: url, Range: ranges(at)}
	for _, d := range detail {
		if d != "" {
			opts.Detail = append(opts.Detail, []byte(d))
		}
	}
	b.src.Warn(ctx, msg, opts)
}

// planWarnings sends what a plan warns about, at the instruction it concerns.
func (b *build) planWarnings(ctx context.Context, p *image.Plan) {
	for _, w := range p.Warnings {
		var at []parser.Range
		if w.Instruction != "" {
			at = b.file.where(w.Instruction)
		}
		b.warn(ctx, w.Message, at, "", w.Hint)
	}
}

// budget refuses an image that holds more than the configuration allows.
func (b *build) budget(s report.Side, hint string) error {
	if over := b.config.Budget.Exceeded(s); len(over) > 0 {
		return b.refuse(fmt.Errorf("%s; %s", strings.Join(over, "; "), hint), nil)
	}
	return nil
}

// noDockerfile says what is missing in the words of the command line.
func noDockerfile(err error) error {
	text := err.Error()
	if !strings.Contains(text, "failed to read dockerfile") || !strings.Contains(text, "no such file") {
		return err
	}
	return &RefusedError{Err: fmt.Errorf("no Dockerfile: %w; name it with -f", err)}
}
