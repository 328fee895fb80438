package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// writeDockerTar writes what docker load reads (github.com/moby/moby, image
// specification v1.2).
func writeDockerTar(ctx context.Context, img v1.Image, names []name.Tag, w io.Writer) error {
	blobs, layers, err := layerBlobs(img, func(l v1.Layer, h v1.Hash) string { return h.Hex + layerExtension(l) })
	if err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	configName, err := img.ConfigName()
	if err != nil {
		return err
	}
	d := tarball.Descriptor{Config: configName.String(), Layers: layers}
	for _, n := range names {
		d.RepoTags = append(d.RepoTags, familiarName(n))
	}
	manifest, err := json.Marshal(tarball.Manifest{d})
	if err != nil {
		return err
	}
	blobs = slices.Concat([]blob{inMemory(d.Config, config)}, blobs, []blob{inMemory("manifest.json", manifest)})
	return writeTar(ctx, w, nil, blobs)
}

// familiarName is a name as docker shows it: without the registry and library
// of Docker Hub.
func familiarName(n name.Tag) string {
	s := strings.TrimPrefix(n.Name(), name.DefaultRegistry+"/")
	if rest, ok := strings.CutPrefix(s, "library/"); ok && s != n.Name() && !strings.Contains(rest, "/") {
		return rest
	}
	return s
}

func layerExtension(l v1.Layer) string {
	switch kind, _ := l.MediaType(); kind {
	case types.OCILayerZStd:
		return ".tar.zst"
	case types.OCIUncompressedLayer, types.DockerUncompressedLayer:
		return ".tar"
	}
	return ".tar.gz"
}

// load hands an image to the docker engine.
func load(ctx context.Context, img v1.Image, names []name.Tag, into func(context.Context, io.Reader) error) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := writeDockerTar(ctx, img, names, w)
		w.CloseWithError(err)
		written <- err
	}()
	err := into(ctx, r)
	// The writing must not wait for a reader that has gone.
	r.CloseWithError(io.ErrClosedPipe)
	if werr := <-written; werr != nil && !errors.Is(werr, io.ErrClosedPipe) {
		err = werr
	}
	if err != nil {
		return fmt.Errorf("loading the image into the docker engine: %w", err)
	}
	return nil
}
