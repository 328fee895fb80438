package static

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"

	"github.com/whittle-oci/whittle/builder/graph"
)

// Apply returns the definition in which the given steps compile without cgo,
// and the variables that were set. Flags that the user chose stay.
func Apply(def *pb.Definition, steps []Step) (*pb.Definition, []string, error) {
	g, err := graph.Parse(def)
	if err != nil {
		return nil, nil, err
	}
	var set []string
	out, err := g.Rewrite(func(d digest.Digest, op *pb.Op) bool {
		i := slices.IndexFunc(steps, func(s Step) bool { return s.digest == d })
		if i < 0 {
			return false
		}
		meta := op.GetExec().Meta
		added := steps[i].environment(meta.Env)
		for _, kv := range added {
			name, _, _ := strings.Cut(kv, "=")
			meta.Env = slices.DeleteFunc(meta.Env, func(have string) bool { return strings.HasPrefix(have, name+"=") })
			meta.Env = append(meta.Env, kv)
			if !slices.Contains(set, kv) {
				set = append(set, kv)
			}
		}
		return len(added) > 0
	})
	return out, set, err
}

// Idle reports whether Apply would change nothing: the user did it all.
func (s *Step) Idle() bool { return len(s.environment(s.env)) == 0 }

// environment gives the variables that make the step's programs static and
// small. -ldflags=-s has no space, so that every version of Go reads it from
// GOFLAGS; it drops the debug information too.
func (s *Step) environment(env []string) []string {
	var flags []string
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "GOFLAGS="); ok {
			flags = strings.Fields(v)
		}
	}
	has := func(name string) bool {
		return slices.ContainsFunc(flags, func(f string) bool {
			n, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
			return n == name
		})
	}
	var out []string
	if !s.Off {
		out = append(out, "CGO_ENABLED=0")
	}
	n := len(flags)
	if !has("trimpath") && !slices.ContainsFunc(s.calls, func(c call) bool { return c.trimpath }) {
		flags = append(flags, "-trimpath")
	}
	if !has("ldflags") && !slices.ContainsFunc(s.calls, func(c call) bool { return c.ldflags }) {
		flags = append(flags, "-ldflags=-s")
	}
	if len(flags) > n {
		out = append(out, "GOFLAGS="+strings.Join(flags, " "))
	}
	return append(out, s.target(env)...)
}

// target gives the variables of Target that the environment does not set.
func (s *Step) target(env []string) []string {
	return slices.DeleteFunc(slices.Clone(s.Target), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.ContainsFunc(env, func(have string) bool { return strings.HasPrefix(have, name+"=") })
	})
}
