package oci

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// dockerManifestFile lists the images of a docker archive
// (moby/docker-image-spec, spec.md, "Combined Image JSON + Filesystem
// Changeset Format").
const dockerManifestFile = "manifest.json"

// dockerEntry is one image of a docker archive.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// dockerManifest reads the list of images.
func dockerManifest(l layout) ([]dockerEntry, error) {
	raw, err := l.read(dockerManifestFile, MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FormatError{l.place, fmt.Errorf("it is not a docker archive: it has no file %s", dockerManifestFile)}
	}
	if err != nil {
		return nil, problem(l.place, fmt.Errorf("reading %s: %w", dockerManifestFile, err))
	}
	return parseDockerManifest(l.place, raw)
}

func parseDockerManifest(place string, raw []byte) ([]dockerEntry, error) {
	var list []dockerEntry
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, &FormatError{place, fmt.Errorf("reading %s: %w", dockerManifestFile, err)}
	}
	if len(list) == 0 {
		return nil, &FormatError{place, fmt.Errorf("its %s lists no image", dockerManifestFile)}
	}
	for _, e := range list {
		if e.Config == "" || slices.Contains(e.Layers, "") {
			return nil, &FormatError{place, fmt.Errorf("its %s does not say where the configuration or a layer is", dockerManifestFile)}
		}
	}
	return list, nil
}

// chooseDocker finds the image with a tag, or the only one.
func chooseDocker(place, tag string, list []dockerEntry) (dockerEntry, error) {
	var found []dockerEntry
	var names []string
	for _, e := range list {
		names = append(names, e.RepoTags...)
		if tag == "" || slices.ContainsFunc(e.RepoTags, func(n string) bool { return sameName(n, tag) }) {
			found = append(found, e)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return dockerEntry{}, &FormatError{place, fmt.Errorf("it holds several images; name one behind a colon: %s", strings.Join(names, ", "))}
	}
	return dockerEntry{}, &FormatError{place, fmt.Errorf("it holds no image %s; there is %s", tag, strings.Join(names, ", "))}
}

// sameName reports whether two names mean the same image.
func sameName(a, b string) bool {
	if a == b {
		return true
	}
	x, err := ParseTag(a)
	if err != nil {
		return false
	}
	y, err := ParseTag(b)
	return err == nil && x.Name() == y.Name()
}

// dockerImage makes the image of an entry.
func dockerImage(l layout, e dockerEntry) (v1.Image, error) {
	config, err := l.read(e.Config, MaxManifest)
	if err != nil {
		return nil, missing(l.place, e.Config, err)
	}
	parsed, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return nil, &FormatError{l.place, fmt.Errorf("reading the configuration %s: %w", e.Config, err)}
	}
	if len(parsed.RootFS.DiffIDs) != len(e.Layers) {
		return nil, &FormatError{l.place, fmt.Errorf("its configuration is for %d layers, and %s lists %d", len(parsed.RootFS.DiffIDs), dockerManifestFile, len(e.Layers))}
	}
	for _, name := range e.Layers {
		rc, _, err := l.files.open(name)
		if err != nil {
			return nil, missing(l.place, name, err)
		}
		_ = rc.Close()
	}
	return partial.UncompressedToImage(&archivedImage{l, e, config, parsed.RootFS.DiffIDs})
}

// missing is a file that manifest.json names.
func missing(place, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("its %s names %s, which is not in it", dockerManifestFile, name)
	} else {
		err = fmt.Errorf("reading %s: %w", name, err)
	}
	return problem(place, err)
}

// archivedImage is the core of an image in a docker archive.
type archivedImage struct {
	layout
	entry  dockerEntry
	config []byte
	diffs  []v1.Hash // of the entry's layers
}

// RawConfigFile implements partial.UncompressedImageCore.
func (i *archivedImage) RawConfigFile() ([]byte, error) { return i.config, nil }

// MediaType implements partial.UncompressedImageCore.
func (i *archivedImage) MediaType() (types.MediaType, error) { return types.DockerManifestSchema2, nil }

// LayerByDiffID implements partial.UncompressedImageCore.
func (i *archivedImage) LayerByDiffID(h v1.Hash) (partial.UncompressedLayer, error) {
	at := slices.Index(i.diffs, h)
	if at < 0 {
		return nil, &FormatError{i.place, fmt.Errorf("the image has no layer %s", h)}
	}
	return &archivedLayer{i.layout, i.entry.Layers[at], h}, nil
}

// archivedLayer is a layer of a docker archive.
type archivedLayer struct {
	layout
	file string
	diff v1.Hash
}

// DiffID implements partial.UncompressedLayer.
func (l *archivedLayer) DiffID() (v1.Hash, error) { return l.diff, nil }

// MediaType implements partial.UncompressedLayer.
func (l *archivedLayer) MediaType() (types.MediaType, error) { return types.DockerLayer, nil }

// Uncompressed implements partial.UncompressedLayer. The digest is compared
// while reading.
func (l *archivedLayer) Uncompressed() (io.ReadCloser, error) {
	rc, _, err := l.files.open(l.file)
	if err != nil {
		return nil, missing(l.place, l.file, err)
	}
	plain, err := decompressed(rc)
	if err != nil {
		return nil, errors.Join(problem(l.place, fmt.Errorf("reading %s: %w", l.file, err)), rc.Close())
	}
	return verify(plain, l.place+" "+l.file, l.diff, -1)
}

// decompressed reads what some tools compress and docker does not.
func decompressed(rc io.ReadCloser) (io.ReadCloser, error) {
	r := bufio.NewReaderSize(rc, 64<<10) // a registry's answer is many small reads otherwise
	head, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		return readCloser{z, rc}, nil
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
		if err != nil {
			return nil, err
		}
		return readCloser{z, zstdCloser{z, rc}}, nil
	}
	return readCloser{r, rc}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// zstdCloser releases the decoder before its source.
type zstdCloser struct {
	decoder *zstd.Decoder
	source  io.Closer
}

// Close implements io.Closer.
func (z zstdCloser) Close() error {
	z.decoder.Close()
	return z.source.Close()
}
