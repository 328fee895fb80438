// Package graph takes a marshalled LLB definition apart and puts it together
// again: to change one op, to stop at one op, to find what a stage began from.
package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"
)

// A Graph is a definition taken apart, in the order of its ops: inputs before
// those that use them.
type Graph struct {
	Order []digest.Digest
	Ops   map[digest.Digest]*pb.Op
	raw   map[digest.Digest][]byte
	def   *pb.Definition
}

// Parse takes def apart.
func Parse(def *pb.Definition) (*Graph, error) {
	g := &Graph{def: def, Ops: map[digest.Digest]*pb.Op{}, raw: map[digest.Digest][]byte{}}
	for _, dt := range def.Def {
		op := &pb.Op{}
		if err := proto.Unmarshal(dt, op); err != nil {
			return nil, fmt.Errorf("parsing an op of the build: %w", err)
		}
		d := digest.FromBytes(dt)
		g.Order = append(g.Order, d)
		g.Ops[d] = op
		g.raw[d] = dt
	}
	return g, nil
}

// Rewrite returns the definition with change applied to its ops. change
// reports whether it altered the op it was given, which is a copy. Ops that
// use an altered one follow it; metadata and source positions move along.
func (g *Graph) Rewrite(change func(digest.Digest, *pb.Op) bool) (*pb.Definition, error) {
	out := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}}
	if g.def.Source != nil {
		out.Source = &pb.Source{Infos: g.def.Source.Infos, Locations: map[string]*pb.Locations{}}
	}
	moved := map[string]string{}
	for _, d := range g.Order {
		op := g.Ops[d].CloneVT()
		altered := change(d, op)
		for _, in := range op.Inputs {
			if to, ok := moved[in.Digest]; ok {
				in.Digest, altered = to, true
			}
		}
		dt, to := g.raw[d], d
		if altered {
			var err error
			if dt, err = (proto.MarshalOptions{Deterministic: true}).Marshal(op); err != nil {
				return nil, fmt.Errorf("rewriting an op of the build: %w", err)
			}
			to = digest.FromBytes(dt)
			moved[d.String()] = to.String()
		}
		out.Def = append(out.Def, dt)
		if md, ok := g.def.Metadata[d.String()]; ok {
			out.Metadata[to.String()] = md
		}
		if g.def.Source != nil {
			if loc, ok := g.def.Source.Locations[d.String()]; ok {
				out.Source.Locations[to.String()] = loc
			}
		}
	}
	return out, nil
}

// Needed gives the op at d and all that it is made from.
func (g *Graph) Needed(d digest.Digest) map[digest.Digest]bool {
	needed := map[digest.Digest]bool{d: true}
	for _, x := range slices.Backward(g.Order) {
		if needed[x] {
			for _, in := range g.Ops[x].Inputs {
				needed[digest.Digest(in.Digest)] = true
			}
		}
	}
	return needed
}

// UpTo returns the definition that ends in output index of the op at d.
func (g *Graph) UpTo(d digest.Digest, index int64) (*pb.Definition, error) {
	needed := g.Needed(d)
	out := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}, Source: g.def.Source}
	for _, x := range g.Order {
		if !needed[x] {
			continue
		}
		out.Def = append(out.Def, g.raw[x])
		if md, ok := g.def.Metadata[x.String()]; ok {
			out.Metadata[x.String()] = md
		}
	}
	end, err := (proto.MarshalOptions{Deterministic: true}).Marshal(&pb.Op{Inputs: []*pb.Input{{Digest: d.String(), Index: index}}})
	if err != nil {
		return nil, fmt.Errorf("cutting the build short: %w", err)
	}
	out.Def = append(out.Def, end)
	out.Metadata[digest.FromBytes(end).String()] = &pb.OpMetadata{Caps: map[string]bool{string(pb.CapConstraints): true, string(pb.CapPlatform): true}}
	return out, nil
}

// Add appends an op, whose inputs are in g, with its metadata, and returns its
// digest.
func (g *Graph) Add(op *pb.Op, md *pb.OpMetadata) (digest.Digest, error) {
	dt, err := (proto.MarshalOptions{Deterministic: true}).Marshal(op)
	if err != nil {
		return "", fmt.Errorf("adding an op to the build: %w", err)
	}
	d := digest.FromBytes(dt)
	if _, ok := g.Ops[d]; ok {
		return d, nil
	}
	def := &pb.Definition{Def: append(slices.Clone(g.def.Def), dt), Metadata: maps.Clone(g.def.Metadata), Source: g.def.Source}
	if def.Metadata == nil {
		def.Metadata = map[string]*pb.OpMetadata{}
	}
	def.Metadata[d.String()] = md
	g.def = def
	g.Order, g.Ops[d], g.raw[d] = append(g.Order, d), op, dt
	return d, nil
}

// Base finds the source that the result of the definition began from: it goes
// from the last op to the root file system of each op before it. ok is false
// when the result began from scratch, or from something that is not an image.
func (g *Graph) Base() (d digest.Digest, identifier string, ok bool) {
	if len(g.Order) == 0 {
		return "", "", false
	}
	op := g.Ops[g.Order[len(g.Order)-1]]
	in := 0
	for range len(g.Order) {
		if in < 0 || in >= len(op.Inputs) {
			return "", "", false
		}
		d = digest.Digest(op.Inputs[in].Digest)
		index := op.Inputs[in].Index
		if op, ok = g.Ops[d]; !ok {
			return "", "", false
		}
		if src := op.GetSource(); src != nil {
			image := strings.HasPrefix(src.Identifier, "docker-image://") || strings.HasPrefix(src.Identifier, "oci-layout://")
			return d, src.Identifier, image
		}
		in = root(op, index)
	}
	return "", "", false
}

// root is the input that becomes the root file system of an op's output, -1
// when there is none.
func root(op *pb.Op, output int64) int {
	switch x := op.Op.(type) {
	case *pb.Op_Exec:
		for _, m := range x.Exec.Mounts {
			if m.Output == output {
				return int(m.Input)
			}
		}
	case *pb.Op_File:
		for i, a := range x.File.Actions {
			if a.Output == output {
				return chain(x.File.Actions, i, len(op.Inputs))
			}
		}
	case *pb.Op_Merge:
		if len(x.Merge.Inputs) > 0 {
			return int(x.Merge.Inputs[0].Input)
		}
	}
	return -1
}

// chain follows file actions that build on each other back to an input of the
// op. Numbers from inputs on mean the results of earlier actions.
func chain(actions []*pb.FileAction, i, inputs int) int {
	for range len(actions) + 1 {
		in := int(actions[i].Input)
		if in < inputs {
			return in
		}
		if i = in - inputs; i >= len(actions) {
			return -1
		}
	}
	return -1
}
