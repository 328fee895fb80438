package signing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/renameio/v2/maybe"

	"github.com/whittle-oci/whittle/builder/oci"
)

// layout is a store in a directory (OCI image spec, image-layout.md). What
// refers to an image has an entry in index.json, as its subject says.
type layout struct {
	dir      string
	budget   *budget // nil while nothing is counted
	subjects *subjects
}

// maxIndex is the most bytes that index.json may have. Nothing is written that
// brings it beyond.
const maxIndex = oci.MaxManifest

// IsLayout reports whether a directory is an OCI layout.
func IsLayout(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "oci-layout"))
	return err == nil && info.Mode().IsRegular()
}

// imageNames are the annotations that name an image in index.json.
var imageNames = []string{"org.opencontainers.image.ref.name", "io.containerd.image.name"}

// OpenLayout finds an image in an OCI layout: the one with the digest or name
// wanted, or, for "", the only one there is.
func OpenLayout(ctx context.Context, dir, wanted string) (Image, error) {
	s := layout{dir: dir}
	index, err := s.index()
	if err != nil {
		return Image{}, err
	}
	var found []string
	for _, d := range index.Manifests {
		named := slices.ContainsFunc(imageNames, func(a string) bool { return d.Annotations[a] == wanted })
		if wanted != "" && d.Digest.String() != wanted && !named {
			continue
		}
		subject, err := s.subject(ctx, d)
		if err != nil {
			return Image{}, err
		}
		if subject == "" && !slices.Contains(found, d.Digest.String()) {
			found = append(found, d.Digest.String())
		}
	}
	switch {
	case len(found) == 1:
		return Image{found[0], s}, nil
	case len(found) > 1:
		return Image{}, fmt.Errorf("the layout %s holds several images; name one as %s@DIGEST: %s", dir, dir, strings.Join(found, ", "))
	case wanted != "":
		return Image{}, fmt.Errorf("the layout %s holds no image %s", dir, wanted)
	}
	return Image{}, fmt.Errorf("the layout %s holds no image", dir)
}

func (s layout) name(digest string) string { return s.dir + "@" + digest }

func (s layout) index() (*v1.IndexManifest, error) {
	f, err := os.Open(filepath.Join(s.dir, "index.json"))
	if err != nil {
		return nil, fmt.Errorf("reading the layout: %w", err)
	}
	defer f.Close()
	raw, err := readCapped(f, maxIndex)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	if err := s.budget.take(int64(len(raw))); err != nil {
		return nil, err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return index, nil
}

// file is where a blob lies. Digests are of a known form, so the name cannot
// lead elsewhere.
func (s layout) file(digest string) (string, error) {
	h, err := v1.NewHash(digest)
	if err != nil {
		return "", err
	}
	return filepath.Join(s.dir, "blobs", h.Algorithm, h.Hex), nil
}

func (s layout) read(digest string, limit int64, what string) ([]byte, error) {
	file, err := s.file(digest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the layout: %w", err)
	}
	defer f.Close()
	data, err := readCapped(f, limit)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", s.name(digest), err)
	}
	if err := s.budget.take(int64(len(data))); err != nil {
		return nil, err
	}
	if !hasDigest(data, digest) {
		return nil, &ChangedError{s.name(digest), what}
	}
	return data, nil
}

func (s layout) manifest(_ context.Context, digest string) ([]byte, v1.Descriptor, error) {
	raw, err := s.read(digest, maxManifest, "manifest")
	if err != nil {
		return nil, v1.Descriptor{}, err
	}
	var m struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, v1.Descriptor{}, fmt.Errorf("reading the manifest %s: %w", s.name(digest), err)
	}
	// The media type may be left out of a manifest (OCI image spec 1.0).
	switch {
	case m.MediaType == "" && m.Manifests != nil:
		m.MediaType = types.OCIImageIndex
	case m.MediaType == "":
		m.MediaType = types.OCIManifestSchema1
	}
	d, err := blobDescriptor(raw, m.MediaType)
	return raw, d, err
}

func (s layout) blob(_ context.Context, d v1.Descriptor) ([]byte, error) {
	data, err := s.read(d.Digest.String(), maxAttached, "blob")
	if err == nil && int64(len(data)) != d.Size {
		return nil, &ChangedError{s.name(d.Digest.String()), "blob"}
	}
	return data, err
}

func (s layout) within(b *budget) store {
	s.budget, s.subjects = b, new(subjects)
	return s
}

// subject is what a manifest refers to, or "".
func (s layout) subject(ctx context.Context, d v1.Descriptor) (string, error) {
	raw, _, err := s.manifest(ctx, d.Digest.String())
	if err != nil {
		return "", err
	}
	var m struct {
		Subject *v1.Descriptor `json:"subject"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", fmt.Errorf("reading the manifest %s: %w", s.name(d.Digest.String()), err)
	}
	if m.Subject == nil {
		return "", nil
	}
	return m.Subject.Digest.String(), nil
}

// subjects are the entries of index.json by what they refer to. What cannot be
// read may refer to anything.
type subjects struct {
	once       sync.Once
	of         map[string][]v1.Descriptor
	unreadable []v1.Descriptor
	err        error
}

func (l *subjects) read(ctx context.Context, s layout) {
	index, err := s.index()
	if l.err = err; err != nil {
		return
	}
	l.of = map[string][]v1.Descriptor{}
	for _, d := range index.Manifests {
		subject, err := s.subject(ctx, d)
		if limit, ok := errors.AsType[*LimitError](err); ok {
			l.err = limit
			return
		}
		if err != nil {
			l.unreadable = append(l.unreadable, d)
		} else if subject != "" {
			l.of[subject] = append(l.of[subject], d)
		}
	}
}

// referrers reads the list once for all digests of one look.
func (s layout) referrers(ctx context.Context, digest string) ([]v1.Descriptor, error) {
	l := s.subjects
	if l == nil {
		l = new(subjects)
	}
	l.once.Do(func() { l.read(ctx, s) })
	var list listing
	for _, d := range slices.Concat(l.of[digest], l.unreadable) {
		if !list.add(d) {
			return list, tooManyReferrers()
		}
	}
	return list, l.err
}

// attach writes the blobs, the manifest and, last, the entry in index.json,
// each file whole or not at all.
func (s layout) attach(_ context.Context, _ v1.Descriptor, blobs [][]byte, manifest []byte) error {
	unlock, err := lockDir(s.dir)
	if err != nil {
		return fmt.Errorf("locking the layout: %w", err)
	}
	defer unlock()
	d, err := blobDescriptor(manifest, types.OCIManifestSchema1)
	if err != nil {
		return err
	}
	var m v1.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		return err
	}
	d.ArtifactType, d.Annotations = m.ArtifactType, m.Annotations
	// The index is changed as text, so that what others put there stays.
	file := filepath.Join(s.dir, "index.json")
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading the layout: %w", err)
	}
	raw, err := readCapped(f, maxIndex)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	var doc map[string]json.RawMessage
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	if err := json.Unmarshal(doc["manifests"], &list); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	entry, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if doc["manifests"], err = json.Marshal(append(list, entry)); err != nil {
		return err
	}
	if raw, err = json.Marshal(doc); err != nil {
		return err
	}
	if len(raw) > maxIndex {
		return fmt.Errorf("the layout %s takes no more signatures: its index.json would have more than %d bytes, and nothing would read it again", s.dir, maxIndex)
	}
	for _, b := range append(slices.Clone(blobs), manifest) {
		if err := s.write(b); err != nil {
			return fmt.Errorf("writing the layout: %w", err)
		}
	}
	return maybe.WriteFile(file, raw, 0o644)
}

func (s layout) write(data []byte) error {
	d, err := blobDescriptor(data, "")
	if err != nil {
		return err
	}
	file, err := s.file(d.Digest.String())
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err == nil {
		return nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return maybe.WriteFile(file, data, 0o644)
}
