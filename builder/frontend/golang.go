package frontend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/static"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/builder/tree/reftree"
)

// goBuild is what is known of the Go programs that a Dockerfile compiles.
type goBuild struct {
	report *report.Static // nil when nothing is compiled
	steps  []static.Step
	sure   map[int]bool // the steps that were made static, by index
	cross  *crossing    // nil when everything runs on the image's own platform
}

// compile solves the final stage with its Go programs static, where Go says
// that they can be, and tells why or why not.
//
// Go is asked before the build begins: a static build beside the question would
// save its time, but where the answer is no, its errors would be shown among
// those of a build that goes well.
// cross are the steps that compile for another platform than they run on, nil
// for none. A *notCrossedError says that they cannot.
func (b *build) compile(ctx context.Context, def *pb.Definition, cross *crossing) (*stage, goBuild, error) {
	g, open, err := b.candidates(def, cross)
	if err != nil {
		return nil, g, err
	}
	for len(open) > 0 {
		if def, open, err = b.settle(ctx, def, open, &g); err != nil {
			return nil, g, err
		}
	}
	if err := g.crossed(); err != nil {
		return nil, g, err
	}
	s, err := b.stage(ctx, def)
	return s, g, err
}

// settle asks Go about those open steps that no other open step comes before,
// and gives the build in which they are static where they can be, and the steps
// that are still open. A question runs the steps before its own: so they run as
// they do in the build, and once.
func (b *build) settle(ctx context.Context, def *pb.Definition, open []int, g *goBuild) (*pb.Definition, []int, error) {
	steps, err := static.Find(def)
	if err != nil {
		return nil, nil, err
	}
	g.cross.aim(steps)
	steps = slices.DeleteFunc(steps, func(s static.Step) bool { return !slices.Contains(open, s.Index) })
	first, err := static.First(def, steps)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range first {
		open = slices.DeleteFunc(open, func(i int) bool { return i == s.Index })
	}
	sure, err := b.askGo(ctx, def, first, g)
	if err != nil || len(sure) == 0 {
		return def, open, err
	}
	for _, s := range sure {
		g.sure[s.Index] = true
	}
	def, set, err := static.Apply(def, sure)
	g.report.Made = true
	for _, kv := range set {
		if !slices.Contains(g.report.Set, kv) {
			g.report.Set = append(g.report.Set, kv)
		}
	}
	return def, open, err
}

// candidates finds the steps that compile Go, and the indexes of those that
// nothing speaks against making static.
func (b *build) candidates(def *pb.Definition, cross *crossing) (g goBuild, open []int, err error) {
	all, err := static.Find(def)
	if err != nil || len(all) == 0 {
		return g, nil, err
	}
	cross.aim(all)
	g = goBuild{steps: all, report: &report.Static{Line: all[0].Line}, sure: map[int]bool{}, cross: cross}
	if b.config.StaticOff {
		g.report.Why = "static: off"
		return g, nil, nil
	}
	for _, s := range all {
		switch {
		case s.Off && s.Idle():
			g.because(s, "cgo is off and the flags are set as written")
		case s.Doubt != "":
			g.because(s, s.Doubt)
		default:
			open = append(open, s.Index)
		}
	}
	return g, open, nil
}

// because adds to the report what was found out about a step, with its line
// where there are several.
func (g *goBuild) because(s static.Step, why string) {
	if len(g.steps) > 1 && s.Line > 0 {
		why = fmt.Sprintf("line %d: %s", s.Line, why)
	}
	if g.report.Why != "" {
		why = g.report.Why + "; " + why
	}
	g.report.Why = why
}

// askGo gives the steps whose programs use no cgo outside the standard library
// and writes into the report what speaks for and against.
func (b *build) askGo(ctx context.Context, def *pb.Definition, steps []static.Step, g *goBuild) ([]static.Step, error) {
	cgo := make([][]string, len(steps))
	errs := make([]error, len(steps))
	var asking sync.WaitGroup
	for i, s := range steps {
		if s.Off {
			continue // the user has decided
		}
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
			g.because(s, fmt.Sprintf("go list did not answer: %v", firstLine(errs[i])))
		case len(cgo[i]) > 0:
			g.report.Cgo = append(g.report.Cgo, cgo[i]...)
			g.because(s, "cgo is used by "+strings.Join(cgo[i], ", "))
		case s.Off:
			g.because(s, "cgo is off as written")
			sure = append(sure, s)
		default:
			g.because(s, "no package outside the standard library uses cgo")
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
	ref, err := b.request(ctx, q, true)
	if failed, ok := errors.AsType[*errdefs.VertexError](err); ok && failed.Digest != asked.String() {
		return nil, &inputError{err}
	}
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

// unseen says why Go programs need a loader of which no RUN is seen to call go
// build: behind make or a script, or in an image that was built elsewhere.
func (g *goBuild) unseen(p *image.Plan) {
	if g.report == nil && len(p.GoDynamic) > 0 {
		g.report = &report.Static{Why: "no RUN is seen to call go build for " + strings.Join(p.GoDynamic, ", ")}
	}
}

// compiles names the languages whose sources lie in the final stage because it
// compiles them itself.
func (g goBuild) compiles(f *file) []string {
	for _, s := range g.steps {
		if s.Line > 0 && f.inBuilt(s.Line) {
			return []string{"go"}
		}
	}
	return nil
}
