// Package carry takes an image from one place to another together with
// everything that is attached to it and to what is in it: signatures and
// attestations of both of cosign's formats, and whatever else refers to it.
// What does not arrive is an error.
package carry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/oci"
)

// A place keeps images: a repository of a registry, or an OCI layout.
type place interface {
	// String names the place, for messages.
	String() string
	// manifest reads a manifest, whose bytes have the digest.
	manifest(ctx context.Context, digest string) ([]byte, types.MediaType, error)
	// tagged reads the manifest that a tag leads to; nil where there is none.
	tagged(ctx context.Context, tag string) ([]byte, types.MediaType, error)
	// referrers lists what has the digest as its subject.
	referrers(ctx context.Context, digest string) ([]v1.Descriptor, error)
	// layer is a blob to read.
	layer(ctx context.Context, d v1.Descriptor) (v1.Layer, error)
	// putBlob and putManifest write, unless it is there.
	putBlob(ctx context.Context, d v1.Descriptor, from place) error
	putManifest(ctx context.Context, raw []byte, d v1.Descriptor) error
	// tag has a tag lead to a manifest that is there.
	tag(ctx context.Context, tag string, raw []byte, d v1.Descriptor) error
	// finish makes all that was written to be found.
	finish(ctx context.Context) error
}

// A Carried is what arrived.
type Carried struct {
	Source      string     `json:"source"`
	Destination string     `json:"destination"`
	Digest      string     `json:"digest"`
	Tag         string     `json:"tag,omitempty"`
	Manifests   int        `json:"manifests"` // in all
	Blobs       int64      `json:"blobs"`
	Bytes       int64      `json:"bytes"` // of blobs, those that were there already included
	Attached    []Attached `json:"attached,omitempty"`
}

// An Attached manifest came along.
type Attached struct {
	Digest       string `json:"digest"`
	Subject      string `json:"subject"`
	ArtifactType string `json:"artifactType,omitempty"`
	Tag          string `json:"tag,omitempty"` // in cosign's older format
}

// A LeftError is what did not arrive although everything was written.
type LeftError struct {
	Destination string
	Left        []Attached
}

// Error names the first of what was left.
func (e *LeftError) Error() string {
	first := e.Left[0]
	return fmt.Sprintf("%s does not list %d of the things that are attached, %s of %s among them: what was copied would not verify there", e.Destination, len(e.Left), first.Digest, first.Subject)
}

// Copy carries the image of one reference to another. A tag of the destination
// is put last, when everything that it leads to is there. A layout that was made
// for it and that does not get everything is removed.
func Copy(ctx context.Context, from, to oci.Ref, c oci.Client) (_ Carried, failed error) {
	src, err := open(from, c)
	if err != nil {
		return Carried{}, err
	}
	raw, d, err := root(ctx, src, from)
	if err != nil {
		return Carried{}, err
	}
	dst, undo, err := create(to, c)
	if err != nil {
		return Carried{}, err
	}
	defer func() {
		if failed != nil {
			failed = errors.Join(failed, undo())
		}
	}()
	w := &walk{src: src, dst: dst, seen: map[string]bool{}, out: Carried{Source: src.String(), Destination: dst.String(), Digest: d.Digest.String(), Tag: tagOf(to)}}
	if err := w.manifest(ctx, raw, d, 0); err != nil {
		return w.out, err
	}
	if err := w.dst.finish(ctx); err != nil {
		return w.out, err
	}
	if err := w.arrived(ctx); err != nil {
		return w.out, err
	}
	w.out.Blobs, w.out.Bytes = w.blobs.Load(), w.bytes.Load()
	if _, isLayout := dst.(*layout); w.out.Tag == "" && !isLayout {
		return w.out, nil
	}
	if err := dst.tag(ctx, w.out.Tag, raw, d); err != nil {
		return w.out, err
	}
	return w.out, dst.finish(ctx)
}

// root reads what a reference names.
func root(ctx context.Context, p place, r oci.Ref) ([]byte, v1.Descriptor, error) {
	var raw []byte
	var kind types.MediaType
	var err error
	digest, tag := r.Digest, tagOf(r)
	if r.Name != nil && tag == "" {
		digest = r.Name.Identifier()
	}
	switch l, isLayout := p.(*layout); {
	case digest != "":
		raw, kind, err = p.manifest(ctx, digest)
	case isLayout && tag == "":
		raw, kind, err = l.only(ctx)
	default:
		raw, kind, err = p.tagged(ctx, tag)
		if err == nil && raw == nil {
			err = fmt.Errorf("%s has no image named %s", p, tag)
		}
	}
	if err != nil {
		return nil, v1.Descriptor{}, err
	}
	d, err := describe(raw, kind)
	return raw, d, err
}

func describe(raw []byte, kind types.MediaType) (v1.Descriptor, error) {
	h, n, err := v1.SHA256(bytes.NewReader(raw))
	return v1.Descriptor{MediaType: kind, Digest: h, Size: n}, err
}

// A walk goes through an image and all that is attached.
type walk struct {
	src, dst     place
	seen         map[string]bool
	out          Carried
	blobs, bytes atomic.Int64
}

// What a walk may meet: a hostile registry could list without end.
const (
	maxManifests = 20_000
	maxDepth     = 12 // an index in an index, and what refers to what refers to it
	parallel     = 4
)

// legacySuffixes end the tags of cosign's older format.
var legacySuffixes = []string{".sig", ".att", ".sbom"}

// document is what is read of a manifest or an index.
type document struct {
	MediaType types.MediaType `json:"mediaType"`
	Manifests []v1.Descriptor `json:"manifests"`
	Config    *v1.Descriptor  `json:"config"`
	Layers    []v1.Descriptor `json:"layers"`
	Blobs     []v1.Descriptor `json:"blobs"` // of the artifact manifests that OCI gave up
}

// manifest carries one manifest, what is in it, and what is attached to it.
func (w *walk) manifest(ctx context.Context, raw []byte, d v1.Descriptor, depth int) error {
	digest := d.Digest.String()
	if w.seen[digest] {
		return nil
	}
	switch w.seen[digest] = true; {
	case depth > maxDepth:
		return fmt.Errorf("%s@%s: manifests lie more than %d deep", w.src, digest, maxDepth)
	case len(w.seen) > maxManifests:
		return fmt.Errorf("%s@%s: more than %d manifests belong to it", w.src, w.out.Digest, maxManifests)
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("%s@%s: reading the manifest: %w", w.src, digest, err)
	}
	for _, c := range doc.Manifests {
		child, kind, err := w.src.manifest(ctx, c.Digest.String())
		if err != nil {
			return err
		}
		if c.MediaType != "" {
			kind = c.MediaType
		}
		if err := w.manifest(ctx, child, v1.Descriptor{MediaType: kind, Digest: c.Digest, Size: int64(len(child))}, depth+1); err != nil {
			return err
		}
	}
	blobs := slices.Concat(doc.Layers, doc.Blobs)
	if doc.Config != nil {
		blobs = append(blobs, *doc.Config)
	}
	if err := w.copyBlobs(ctx, blobs); err != nil {
		return err
	}
	if err := w.dst.putManifest(ctx, raw, d); err != nil {
		return err
	}
	w.out.Manifests++
	return w.attached(ctx, digest, depth)
}

func (w *walk) copyBlobs(ctx context.Context, blobs []v1.Descriptor) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	done := map[v1.Hash]bool{}
	for _, b := range blobs {
		if done[b.Digest] || !b.MediaType.IsDistributable() && len(b.URLs) > 0 {
			continue // what may not be handed on is fetched from where it lies
		}
		done[b.Digest] = true
		g.Go(func() error {
			if err := w.dst.putBlob(ctx, b, w.src); err != nil {
				return err
			}
			w.blobs.Add(1)
			w.bytes.Add(b.Size)
			return nil
		})
	}
	return g.Wait()
}

// attached carries what refers to a digest, in both formats.
func (w *walk) attached(ctx context.Context, digest string, depth int) error {
	list, err := w.src.referrers(ctx, digest)
	if err != nil {
		return err
	}
	for _, r := range list {
		raw, kind, err := w.src.manifest(ctx, r.Digest.String())
		if err != nil {
			return err
		}
		w.out.Attached = append(w.out.Attached, Attached{Digest: r.Digest.String(), Subject: digest, ArtifactType: r.ArtifactType})
		if err := w.manifest(ctx, raw, v1.Descriptor{MediaType: kind, Digest: r.Digest, Size: int64(len(raw))}, depth+1); err != nil {
			return err
		}
	}
	for _, suffix := range legacySuffixes {
		tag := strings.ReplaceAll(digest, ":", "-") + suffix
		raw, kind, err := w.src.tagged(ctx, tag)
		if err != nil {
			return err
		}
		if raw == nil {
			continue
		}
		d, err := describe(raw, kind)
		if err != nil {
			return err
		}
		if err := w.manifest(ctx, raw, d, depth+1); err != nil {
			return err
		}
		if err := w.dst.tag(ctx, tag, raw, d); err != nil {
			return err
		}
		w.out.Attached = append(w.out.Attached, Attached{Digest: d.Digest.String(), Subject: digest, Tag: tag})
	}
	return nil
}

// arrived asks the destination for everything that is attached.
func (w *walk) arrived(ctx context.Context) error {
	var left []Attached
	listed := map[string][]v1.Descriptor{}
	for _, a := range w.out.Attached {
		if a.Tag != "" {
			raw, kind, err := w.dst.tagged(ctx, a.Tag)
			if err != nil {
				return err
			}
			if d, err := describe(raw, kind); err != nil || raw == nil || d.Digest.String() != a.Digest {
				left = append(left, a)
			}
			continue
		}
		list, ok := listed[a.Subject]
		if !ok {
			var err error
			if list, err = w.dst.referrers(ctx, a.Subject); err != nil {
				return err
			}
			listed[a.Subject] = list
		}
		if !slices.ContainsFunc(list, func(d v1.Descriptor) bool { return d.Digest.String() == a.Digest }) {
			left = append(left, a)
		}
	}
	if len(left) > 0 {
		return &LeftError{w.dst.String(), left}
	}
	return nil
}

// tagOf is the tag of a reference, "" where it has none.
func tagOf(r oci.Ref) string {
	if r.Name == nil {
		return r.Tag
	}
	if id := r.Name.Identifier(); !strings.Contains(id, ":") {
		return id
	}
	return ""
}

// drained closes a reader and gives the first error.
func drained(rc io.ReadCloser, err error) error {
	if bad := rc.Close(); err == nil {
		err = bad
	}
	return err
}
