package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The annotations that name an image in an index: the tag (OCI image spec,
// annotations.md) and, as containerd and BuildKit write it, the whole name.
const (
	refNameAnnotation   = "org.opencontainers.image.ref.name"
	imageNameAnnotation = "io.containerd.image.name"
)

// layoutBlobs are the files below blobs of an OCI layout, in the order of their
// names.
func layoutBlobs(img v1.Image) ([]blob, error) {
	blobs, _, err := layerBlobs(img, func(_ v1.Layer, h v1.Hash) string { return blobPath(h) })
	if err != nil {
		return nil, err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	configName, err := img.ConfigName()
	if err != nil {
		return nil, err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	blobs = append(blobs, inMemory(blobPath(configName), config), inMemory(blobPath(digest), manifest))
	slices.SortFunc(blobs, func(a, b blob) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(blobs, func(a, b blob) bool { return a.name == b.name }), nil
}

// layoutIndexOf adds an image to an index: once for each name, replacing
// what had that name before. An image without a name replaces the one without.
func layoutIndexOf(img v1.Image, names []name.Tag, before []byte) ([]byte, error) {
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	if len(before) > 0 {
		if err := json.Unmarshal(before, &index); err != nil {
			return nil, fmt.Errorf("reading %s: %w", indexFile, err)
		}
	}
	d, err := describe(img)
	if err != nil {
		return nil, err
	}
	annotations := []map[string]string{nil}
	if len(names) > 0 {
		annotations = nil
	}
	for _, n := range names {
		annotations = append(annotations, map[string]string{refNameAnnotation: n.TagStr(), imageNameAnnotation: canonicalName(n)})
	}
	for _, a := range annotations {
		index.Manifests = slices.DeleteFunc(index.Manifests, func(m v1.Descriptor) bool {
			return m.Annotations[refNameAnnotation] == a[refNameAnnotation] && m.Annotations[imageNameAnnotation] == a[imageNameAnnotation]
		})
		d.Annotations = a
		index.Manifests = append(index.Manifests, d)
	}
	return json.Marshal(index)
}

// canonicalName is a name as docker and containerd write it in full.
func canonicalName(n name.Tag) string {
	return strings.Replace(n.Name(), name.DefaultRegistry+"/", "docker.io/", 1)
}

// describe gives the descriptor of an image with its platform.
func describe(img v1.Image) (v1.Descriptor, error) {
	var d v1.Descriptor
	var err error
	if d.MediaType, err = img.MediaType(); err != nil {
		return d, err
	}
	if d.Size, err = img.Size(); err != nil {
		return d, err
	}
	if d.Digest, err = img.Digest(); err != nil {
		return d, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return d, err
	}
	d.Platform = config.Platform()
	return d, nil
}

// layoutVersion is what oci-layout holds (OCI image spec, image-layout.md).
var layoutVersion = []byte(`{"imageLayoutVersion":"1.0.0"}`)

// writeLayout writes an OCI layout into a directory, or adds to the index that
// is there.
func writeLayout(ctx context.Context, img v1.Image, names []name.Tag, dir string) error {
	before, err := os.ReadFile(filepath.Join(dir, indexFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	blobs, err := layoutBlobs(img)
	if err != nil {
		return err
	}
	index, err := layoutIndexOf(img, names, before)
	if err != nil {
		return err
	}
	for _, b := range append(blobs, inMemory(indexFile, index), inMemory(layoutFile, layoutVersion)) {
		if err := writeBlob(ctx, b, filepath.Join(dir, filepath.FromSlash(b.name))); err != nil {
			return err
		}
	}
	return nil
}

func writeBlob(ctx context.Context, b blob, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	return errors.Join(b.copy(ctx, f), f.Close())
}

// writeLayoutTar writes an OCI layout as a tar.
func writeLayoutTar(ctx context.Context, img v1.Image, names []name.Tag, w io.Writer) error {
	blobs, err := layoutBlobs(img)
	if err != nil {
		return err
	}
	index, err := layoutIndexOf(img, names, nil)
	if err != nil {
		return err
	}
	dirs := map[string]bool{"blobs/": true}
	for _, b := range blobs {
		dirs[path.Dir(b.name)+"/"] = true
	}
	blobs = append(blobs, inMemory(indexFile, index), inMemory(layoutFile, layoutVersion))
	return writeTar(ctx, w, slices.Sorted(maps.Keys(dirs)), blobs)
}
