package frontend

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/graph"
)

// The labels that say what an image was built from. The first two are those of
// the OCI image spec (annotations.md): the image that the final stage began from,
// by its name and the digest that the name meant. SourcesLabel has all images,
// those of other stages, too: NAME@DIGEST, with blanks between them.
const (
	BaseNameLabel   = "org.opencontainers.image.base.name"
	BaseDigestLabel = "org.opencontainers.image.base.digest"
	SourcesLabel    = "io.github.whittle-oci.sources"
)

// imageScheme begins the identifiers of images of registries in a definition.
const imageScheme = "docker-image://"

// origin gives the labels for what a definition is built from: none where it
// takes no image.
func origin(def *pb.Definition) (map[string]string, error) {
	g, err := graph.Parse(def)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	var sources []string
	for _, d := range g.Order {
		if src := g.Ops[d].GetSource(); src != nil {
			if ref, ok := strings.CutPrefix(src.Identifier, imageScheme); ok && digestOf(ref) != "" && !slices.Contains(sources, ref) {
				sources = append(sources, ref)
			}
		}
	}
	if len(sources) > 0 {
		slices.Sort(sources)
		out[SourcesLabel] = strings.Join(sources, " ")
	}
	if _, id, ok := g.Base(); ok {
		if ref, ok := strings.CutPrefix(id, imageScheme); ok && digestOf(ref) != "" {
			out[BaseNameLabel], out[BaseDigestLabel], _ = strings.Cut(ref, "@")
		}
	}
	return out, nil
}

// labelled gives an image's configuration labels besides its own, which win: a
// Dockerfile that says what it is built on knows better. What the image that it
// is built on says of its own origin does not.
func labelled(img, base *dockerspec.DockerOCIImage, labels map[string]string) *dockerspec.DockerOCIImage {
	if len(labels) == 0 {
		return img
	}
	out := *img
	out.Config.Labels = maps.Clone(labels)
	for name, value := range img.Config.Labels {
		_, ours := labels[name]
		if inherited := base != nil && base.Config.Labels[name] == value; !ours || !inherited {
			out.Config.Labels[name] = value
		}
	}
	return &out
}
