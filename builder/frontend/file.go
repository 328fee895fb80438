package frontend

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// file is what the frontend wants to know of the Dockerfile's text: where an
// instruction stands, and which stage is built.
type file struct {
	stages []instructions.Stage
	built  int // index of the stage that is built
}

// readFile reads a Dockerfile of which the stage target, "" for the last, is
// built.
func readFile(data []byte, target string) (*file, error) {
	res, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	// Without a linter BuildKit stumbles over "# check=" above an instruction.
	stages, _, err := instructions.Parse(res.AST, linter.New(&linter.Config{}))
	if err != nil {
		return nil, err
	}
	f := &file{stages, len(stages) - 1}
	for i, st := range stages {
		if target != "" && strings.EqualFold(st.Name, target) {
			f.built = i
		}
	}
	return f, nil
}

// isLast reports whether the stage that is built is the last.
func (f *file) isLast() bool { return f.built == len(f.stages)-1 }

// where finds the last instruction of that name in the built stage or the
// stages it is made from. It falls back to the FROM of the built stage.
func (f *file) where(instruction string) []parser.Range {
	if len(f.stages) == 0 {
		return nil
	}
	for i := f.built; i >= 0; {
		st := f.stages[i]
		for j := len(st.Commands) - 1; j >= 0; j-- {
			if strings.EqualFold(st.Commands[j].Name(), instruction) {
				return st.Commands[j].Location()
			}
		}
		i = f.parent(i)
	}
	return f.stages[f.built].Location
}

// parent is the index of the stage that stage i is made from, -1 for none.
func (f *file) parent(i int) int {
	for j := i - 1; j >= 0; j-- {
		if strings.EqualFold(f.stages[j].Name, f.stages[i].BaseName) {
			return j
		}
	}
	return -1
}

// stageAt is the stage that holds a line of the Dockerfile.
func (f *file) stageAt(line int) *instructions.Stage {
	var found *instructions.Stage
	for i := range f.stages {
		if loc := f.stages[i].Location; len(loc) > 0 && loc[0].Start.Line <= line {
			found = &f.stages[i]
		}
	}
	return found
}

// inBuilt reports whether a line belongs to the built stage or to a stage it is
// made from, so that what happens there is in the image.
func (f *file) inBuilt(line int) bool {
	at := f.stageAt(line)
	for i := f.built; i >= 0; i = f.parent(i) {
		if at == &f.stages[i] {
			return true
		}
	}
	return false
}

// lineOf is the Dockerfile line that an op came from, 0 when it is not known.
func lineOf(def *pb.Definition, d digest.Digest) int {
	if def.Source == nil {
		return 0
	}
	loc := def.Source.Locations[d.String()]
	if loc == nil || len(loc.Locations) == 0 || len(loc.Locations[0].Ranges) == 0 {
		return 0
	}
	return int(loc.Locations[0].Ranges[0].Start.Line)
}

// lines makes a range of whole lines.
func lines(first, last int) []parser.Range {
	if first <= 0 {
		return nil
	}
	return []parser.Range{{Start: parser.Position{Line: first}, End: parser.Position{Line: max(first, last)}}}
}

// from gives the FROM line of a stage as it should be to build on the
// builder's own platform.
func from(st *instructions.Stage) string {
	line := "FROM --platform=$BUILDPLATFORM " + st.BaseName
	if st.Name != "" {
		line += " AS " + st.Name
	}
	return fmt.Sprintf("%q", line)
}
