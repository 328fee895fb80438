package frontend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"

	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/static"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/builder/tree/reftree"
)

// goBuild is what is known of the Go programs that a Dockerfile compiles.
type goBuild struct {
	report *report.Static // nil when nothing is compiled
	steps  []static.Step
}

// compile solves the final stage with its Go programs static, where Go says
// that they can be, and tells why or why not.
//
// Go says yes as a rule. So the static build begins beside the question, and
// is given up when the answer is another one.
func (b *build) compile(ctx context.Context, def *pb.Definition) (*stage, goBuild, error) {
	g, steps, err := b.candidates(def)
	if err != nil {
		return nil, g, err
	}
	if len(steps) == 0 {
		s, err := b.stage(ctx, def)
		return s.open(ctx), g, err
	}
	guess, set, err := static.Apply(def, steps)
	if err != nil {
		return nil, g, err
	}
	early, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var sure []static.Step
	var askErr, buildErr error
	ask := func() {
		defer recovered(&askErr)
		if sure, askErr = b.askGo(ctx, def, steps, g.report); len(sure) < len(steps) {
			giveUp()
		}
	}
	var s *stage
	var asking sync.WaitGroup
	if slices.ContainsFunc(steps, func(s static.Step) bool { return s.Exclusive() }) {
		ask()
	} else {
		asking.Go(ask)
	}
	if buildErr = context.Cause(early); buildErr == nil {
		s, buildErr = b.stage(early, guess)
	}
	asking.Wait()
	if askErr != nil {
		return nil, g, askErr
	}
	if len(sure) < len(steps) {
		if guess, set, err = static.Apply(def, sure); err != nil {
			return nil, g, err
		}
		s, buildErr = b.stage(ctx, guess)
	}
	if len(sure) > 0 {
		g.report.Made, g.report.Set = true, set
		if g.report.Why == "" {
			g.report.Why = "no package outside the standard library uses cgo"
		}
	}
	return s.open(ctx), g, buildErr
}

// candidates finds the steps that compile Go, and those of them that nothing
// speaks against making static.
func (b *build) candidates(def *pb.Definition) (g goBuild, steps []static.Step, err error) {
	all, err := static.Find(def)
	if err != nil || len(all) == 0 {
		return g, nil, err
	}
	g = goBuild{steps: all, report: &report.Static{Line: all[0].Line}}
	if b.config.StaticOff {
		g.report.Why = "static: off"
		return g, nil, nil
	}
	for _, s := range all {
		if s.Doubt != "" {
			g.report.Why = s.Doubt
			continue
		}
		steps = append(steps, s)
	}
	return g, steps, nil
}

// askGo gives the steps whose programs use no cgo outside the standard library
// and writes into the report what speaks against the others.
func (b *build) askGo(ctx context.Context, def *pb.Definition, steps []static.Step, r *report.Static) ([]static.Step, error) {
	cgo := make([][]string, len(steps))
	errs := make([]error, len(steps))
	var asking sync.WaitGroup
	for i, s := range steps {
		asking.Go(func() {
			defer recovered(&errs[i])
			cgo[i], errs[i] = b.cgo(ctx, def, s)
		})
	}
	asking.Wait()
	var sure []static.Step
	for i, s := range steps {
		var before *inputError
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.As(errs[i], &before):
			return nil, before.error
		case errs[i] != nil:
			r.Why = fmt.Sprintf("go list did not answer: %v", firstLine(errs[i]))
		case len(cgo[i]) > 0:
			r.Cgo = append(r.Cgo, cgo[i]...)
			r.Why = "cgo is used by " + strings.Join(r.Cgo, ", ")
		default:
			sure = append(sure, s)
		}
	}
	return sure, nil
}

// An inputError is the failure of a step that comes before the question, and
// so of the build too.
type inputError struct{ error }

// maxAnswer is the longest list of packages that is read, in bytes.
const maxAnswer = 1 << 20

// cgo runs go list in place of the step's go build and returns the packages
// outside the standard library that use cgo.
func (b *build) cgo(ctx context.Context, def *pb.Definition, s static.Step) ([]string, error) {
	q, asked, err := static.Question(def, s)
	if err != nil {
		return nil, err
	}
	res, err := b.client.Solve(ctx, gateway.SolveRequest{Definition: q, CacheImports: b.ui.CacheImports, Evaluate: true})
	if failed, ok := errors.AsType[*errdefs.VertexError](err); ok && failed.Digest != asked.String() {
		return nil, &inputError{err}
	}
	if err != nil {
		return nil, err
	}
	ref, err := res.SingleRef()
	if err != nil {
		return nil, err
	}
	answer, err := tree.ReadFile(ctx, reftree.New(ctx, ref), static.Answer, maxAnswer)
	if err != nil {
		return nil, err
	}
	return static.Packages(answer), nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// compiles names the languages whose sources lie in the final stage because it
// compiles them itself.
func (g goBuild) compiles(f *file) []string {
	for _, s := range g.steps {
		if s.Line > 0 && f.inLast(s.Line) {
			return []string{"go"}
		}
	}
	return nil
}
