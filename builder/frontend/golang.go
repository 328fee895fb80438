package frontend

import (
	"context"
	"fmt"
	"strings"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
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

// makeStatic returns the build with its Go programs static, where Go says that
// they can be, and why or why not.
func (b *build) makeStatic(ctx context.Context, def *pb.Definition) (*pb.Definition, goBuild, error) {
	steps, err := static.Find(def)
	if err != nil || len(steps) == 0 {
		return def, goBuild{}, err
	}
	g := goBuild{steps: steps, report: &report.Static{Line: steps[0].Line}}
	if b.config.StaticOff {
		g.report.Why = "static: off"
		return def, g, nil
	}
	var sure []static.Step
	for _, s := range steps {
		if s.Doubt != "" {
			g.report.Why = s.Doubt
			continue
		}
		cgo, err := b.askGo(ctx, def, s)
		switch {
		case ctx.Err() != nil:
			return nil, g, context.Cause(ctx)
		case err != nil:
			g.report.Why = fmt.Sprintf("go list did not answer: %v", firstLine(err))
		case len(cgo) > 0:
			g.report.Cgo = append(g.report.Cgo, cgo...)
			g.report.Why = "cgo is used by " + strings.Join(g.report.Cgo, ", ")
		default:
			sure = append(sure, s)
		}
	}
	if len(sure) == 0 {
		return def, g, nil
	}
	def, set, err := static.Apply(def, sure)
	if err != nil {
		return nil, g, err
	}
	g.report.Made, g.report.Set = true, set
	if g.report.Why == "" {
		g.report.Why = "no package outside the standard library uses cgo"
	}
	return def, g, nil
}

// maxAnswer is the longest list of packages that is read, in bytes.
const maxAnswer = 1 << 20

// askGo runs go list in place of the step's go build and returns the packages
// outside the standard library that use cgo.
func (b *build) askGo(ctx context.Context, def *pb.Definition, s static.Step) ([]string, error) {
	q, err := static.Question(def, s)
	if err != nil {
		return nil, err
	}
	res, err := b.client.Solve(ctx, gateway.SolveRequest{Definition: q, CacheImports: b.ui.CacheImports, Evaluate: true})
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
func (g goBuild) compiles(_ *stage, f *file) []string {
	for _, s := range g.steps {
		if s.Line > 0 && f.inLast(s.Line) {
			return []string{"go"}
		}
	}
	return nil
}
