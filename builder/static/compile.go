// Package static makes Go programs static by themselves.
//
// It works on the LLB that a Dockerfile became: the RUN that compiles gets
// CGO_ENABLED=0 and the flags of a release build in its environment, and
// nothing else changes, neither a line of the Dockerfile nor another RUN. Go
// itself is asked, on a side branch, whether a package uses cgo; on any
// doubt the build is left as the user wrote it.
package static

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/lint/command"
)

// A Step is a RUN that calls go build or go install.
type Step struct {
	digest digest.Digest
	op     *pb.Op
	script string
	shell  []string // words before the script
	calls  []call

	// Index is the step's place among those that Find gives. It stays when
	// Apply changes the definition.
	Index int
	// Line is the line of the Dockerfile, 0 when it is not known.
	Line int
	// Commands are the calls as they stand in the script.
	Commands []string
	// Doubt says why the step is left alone, "" when nothing speaks against
	// asking Go.
	Doubt string
	// Off says that the user turned cgo off, so that Go need not be asked.
	Off bool
	// Target are the variables that choose the platform which is compiled for,
	// none for the one that the step runs on. The user's own go before.
	Target []string

	env  []string
	once bool // the last call runs once, after the others
	runs bool // it starts what it built
}

// call is one go build or go install in a script.
type call struct {
	verb       *syntax.Word
	name       string // build or install
	args       []*syntax.Word
	start, end uint
	trimpath   bool
	ldflags    bool
	cgo        string // what the line sets CGO_ENABLED to, "" for nothing
	source     string
}

// Find returns the steps of a definition that compile Go, in the order in
// which they run.
func Find(def *pb.Definition) ([]Step, error) {
	g, err := graph.Parse(def)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, d := range g.Order {
		exec := g.Ops[d].GetExec()
		if exec == nil || exec.Meta == nil {
			continue
		}
		s, ok := step(exec)
		if !ok {
			continue
		}
		s.digest, s.op, s.env, s.Index = d, g.Ops[d], exec.Meta.Env, len(steps)
		if def.Source != nil {
			if loc := def.Source.Locations[d.String()]; loc != nil && len(loc.Locations) > 0 && len(loc.Locations[0].Ranges) > 0 {
				s.Line = int(loc.Locations[0].Ranges[0].Start.Line)
			}
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// Of reports whether the step is the operation.
func (s *Step) Of(d digest.Digest) bool { return s.digest == d }

// First gives the steps of a definition that are made from none of the others.
func First(def *pb.Definition, steps []Step) ([]Step, error) {
	g, err := graph.Parse(def)
	if err != nil {
		return nil, err
	}
	var out []Step
	for _, s := range steps {
		needed := g.Needed(s.digest)
		if !slices.ContainsFunc(steps, func(o Step) bool { return o.digest != s.digest && needed[o.digest] }) {
			out = append(out, s)
		}
	}
	return out, nil
}

// step reads the command line of one RUN.
func step(exec *pb.ExecOp) (Step, bool) {
	s, r, ok := read(exec)
	if !ok || len(s.calls) == 0 {
		return Step{}, false
	}
	r.decide()
	return *s, true
}

// read goes through the script of one RUN. ok is false where it has none that
// can be read, or one in which go is never named.
func read(exec *pb.ExecOp) (_ *Step, _ *reader, ok bool) {
	s := &Step{}
	if !s.command(exec.Meta.Args) || !strings.Contains(s.script, "go") {
		return nil, nil, false
	}
	r, ok := s.reader(exec.Meta.Env)
	return s, r, ok
}

// command takes the script out of a command line, ok is false where there is
// none.
func (s *Step) command(args []string) (ok bool) {
	switch {
	case len(args) >= 3 && command.IsShell(args[0]) && strings.HasSuffix(args[len(args)-2], "c"):
		s.shell, s.script = args[:len(args)-1], args[len(args)-1]
	case len(args) >= 2 && path.Base(args[0]) == "go":
		quoted := make([]string, len(args))
		for i, a := range args {
			q, err := syntax.Quote(a, syntax.LangPOSIX)
			if err != nil {
				return false
			}
			quoted[i] = q
		}
		s.shell, s.script = []string{"/bin/sh", "-c"}, strings.Join(quoted, " ")
	default:
		return false
	}
	return true
}

// reader reads the script.
func (s *Step) reader(env []string) (*reader, bool) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(s.script), "")
	if err != nil {
		return nil, false
	}
	r := &reader{step: s, env: env}
	r.read(file)
	return r, true
}

func (s *Step) doubt(why string) {
	if s.Doubt == "" {
		s.Doubt = why
	}
}

// printed gives a word as it is written.
func printed(w *syntax.Word) string {
	var b bytes.Buffer
	_ = syntax.NewPrinter().Print(&b, w) // a buffer does not fail
	return b.String()
}
