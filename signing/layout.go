package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// layout is a store in a directory (OCI image spec, image-layout.md). What
// refers to an image has an entry in index.json, as its subject says.
type layout struct {
	dir      oci.Dir
	budget   *budget // nil while nothing is counted
	subjects *subjects
}

// OpenLayout finds an image or an index in an OCI layout: the one with the tag
// or digest of the reference, or else the only one there is.
func OpenLayout(ctx context.Context, ref oci.Ref) (Image, error) {
	s := layout{dir: oci.Dir(ref.Path)}
	index, err := s.index()
	if err != nil {
		return Image{}, err
	}
	var found []string
	for _, d := range index.Manifests {
		if ref.Digest != "" && d.Digest.String() != ref.Digest || ref.Tag != "" && !oci.IsNamed(d, ref.Tag) {
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
		return Image{}, s.problem("it holds several images; name one as %s@DIGEST: %s", s.reference(), strings.Join(found, ", "))
	case ref.Digest != "":
		return Image{}, s.problem("it holds no image %s", ref.Digest)
	case ref.Tag != "":
		return Image{}, s.problem("it holds no image named %s", ref.Tag)
	}
	return Image{}, s.problem("it holds no image")
}

func (s layout) place() string { return "OCI layout " + string(s.dir) }

func (s layout) reference() string { return "oci:" + string(s.dir) }

func (s layout) name(digest string) string { return s.dir.Name(digest) }

func (s layout) problem(format string, args ...any) error {
	return &oci.FormatError{Place: s.place(), Err: fmt.Errorf(format, args...)}
}

// index reads index.json. Its size bounds the number of entries.
func (s layout) index() (*v1.IndexManifest, error) {
	raw, err := s.dir.Index()
	if err != nil {
		return nil, err
	}
	if err := s.budget.take(int64(len(raw))); err != nil {
		return nil, err
	}
	index, err := oci.ParseIndex(raw)
	if err != nil {
		return nil, s.problem("reading index.json: %w", err)
	}
	return index, nil
}

func (s layout) read(digest string, limit int64, what string) ([]byte, error) {
	h, err := v1.NewHash(digest)
	if err != nil {
		return nil, err
	}
	data, err := s.dir.Blob(h, limit, what)
	if err != nil {
		return nil, err
	}
	return data, s.budget.take(int64(len(data)))
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
		return nil, &ChangedError{Ref: s.name(d.Digest.String()), What: "blob"}
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
// each file whole or not at all. It refuses to write what could not be read
// any more.
func (s layout) attach(_ context.Context, _ v1.Descriptor, blobs [][]byte, manifest []byte) error {
	unlock, err := lockDir(string(s.dir))
	if err != nil {
		return fmt.Errorf("locking the layout: %w", err)
	}
	defer unlock()
	index, err := s.extended(manifest)
	if err != nil {
		return err
	}
	for _, b := range append(slices.Clone(blobs), manifest) {
		if err := s.dir.Put(b); err != nil {
			return fmt.Errorf("writing the layout: %w", err)
		}
	}
	return staging.ReplaceFile(filepath.Join(string(s.dir), "index.json"), index)
}

// detach takes a manifest off index.json. Its blobs stay, as others may have
// them, too.
func (s layout) detach(_ context.Context, _ v1.Descriptor, referrer string) error {
	if referrer == "" {
		return errKept
	}
	unlock, err := lockDir(string(s.dir))
	if err != nil {
		return fmt.Errorf("locking the layout: %w", err)
	}
	defer unlock()
	raw, err := s.rewritten(func(list []json.RawMessage) ([]json.RawMessage, error) {
		return slices.DeleteFunc(list, func(raw json.RawMessage) bool {
			var d v1.Descriptor
			return json.Unmarshal(raw, &d) == nil && d.Digest.String() == referrer
		}), nil
	})
	if err != nil {
		return err
	}
	return staging.ReplaceFile(filepath.Join(string(s.dir), "index.json"), raw)
}

// extended is index.json with an entry for a manifest.
func (s layout) extended(manifest []byte) ([]byte, error) {
	d, err := blobDescriptor(manifest, types.OCIManifestSchema1)
	if err != nil {
		return nil, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, err
	}
	d.ArtifactType, d.Annotations = m.ArtifactType, m.Annotations
	return s.rewritten(func(list []json.RawMessage) ([]json.RawMessage, error) {
		entry, err := json.Marshal(d)
		return append(list, entry), err
	})
}

// rewritten is index.json with other entries. It is changed as text, so that
// what others put there stays.
func (s layout) rewritten(change func([]json.RawMessage) ([]json.RawMessage, error)) ([]byte, error) {
	raw, err := s.dir.Index()
	if err != nil {
		return nil, err
	}
	var doc map[string]json.RawMessage
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, s.problem("reading index.json: %w", err)
	}
	if err := json.Unmarshal(doc["manifests"], &list); err != nil {
		return nil, s.problem("reading index.json: %w", err)
	}
	if list, err = change(list); err != nil {
		return nil, err
	}
	if doc["manifests"], err = json.Marshal(list); err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(doc); err != nil {
		return nil, err
	}
	if len(raw) > oci.MaxManifest {
		return nil, s.problem("it takes no more signatures: its index.json would have more than %d bytes, and nothing would read it again", oci.MaxManifest)
	}
	return raw, nil
}
