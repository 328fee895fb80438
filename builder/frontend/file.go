package frontend

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// file is what the frontend wants to know of the Dockerfile's text: where an
// instruction stands, and which stage is the last.
type file struct {
	stages []instructions.Stage
}

func readFile(data []byte) (*file, error) {
	res, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	stages, _, err := instructions.Parse(res.AST, nil)
	if err != nil {
		return nil, err
	}
	return &file{stages}, nil
}

// isLast reports whether target, "" for none, is the last stage.
func (f *file) isLast(target string) bool {
	if target == "" || len(f.stages) == 0 {
		return true
	}
	last := len(f.stages) - 1
	return strings.EqualFold(f.stages[last].Name, target) || target == strconv.Itoa(last)
}

// where finds the last instruction of that name in the last stage or the
// stages it is made from. It falls back to the FROM of the last stage.
func (f *file) where(instruction string) []parser.Range {
	if len(f.stages) == 0 {
		return nil
	}
	last := len(f.stages) - 1
	for i := last; i >= 0; {
		st := f.stages[i]
		for j := len(st.Commands) - 1; j >= 0; j-- {
			if strings.EqualFold(st.Commands[j].Name(), instruction) {
				return st.Commands[j].Location()
			}
		}
		i = f.parent(i)
	}
	return f.stages[last].Location
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

// inLast reports whether a line belongs to the last stage or to a stage it is
// made from, so that what happens there is in the image.
func (f *file) inLast(line int) bool {
	at := f.stageAt(line)
	for i := len(f.stages) - 1; i >= 0; i = f.parent(i) {
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
