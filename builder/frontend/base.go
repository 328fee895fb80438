package frontend

import (
	"strings"

	"github.com/moby/buildkit/solver/pb"

	"github.com/whittle-oci/whittle/builder/graph"
)

// baseOf returns the definition of the image that the final stage began from
// and how it is named, or nil when it began from scratch.
func baseOf(def *pb.Definition) (*pb.Definition, string, error) {
	g, err := graph.Parse(def)
	if err != nil {
		return nil, "", err
	}
	d, id, ok := g.Base()
	if !ok {
		return nil, "", nil
	}
	base, err := g.UpTo(d, 0)
	return base, id, err
}

// digestOf takes the digest out of a source identifier such as
// docker-image://docker.io/library/golang:1.26@sha256:….
func digestOf(identifier string) string {
	_, d, _ := strings.Cut(identifier, "@")
	return d
}
