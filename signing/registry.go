package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// OpenRegistry finds an image in a registry. A tag is resolved here, once.
func OpenRegistry(ctx context.Context, ref name.Reference, c oci.Client) (Image, error) {
	s := newRepository(ref.Context(), c)
	if d, ok := ref.(name.Digest); ok {
		return Image{d.DigestStr(), s}, nil
	}
	// Not HEAD: some registries answer it badly, and its digest is only a
	// claim.
	desc, err := remote.Get(ref, s.metered(newBudget(Limits{})).Options(ctx)...)
	if err != nil {
		return Image{}, registryError(oci.Registry.String()+" "+ref.Name(), "resolving", err)
	}
	return Image{desc.Digest.String(), s}, nil
}

// repository is a store in a registry.
type repository struct {
	repo   name.Repository
	client oci.Client
	locks  *sync.Map      // digest to *sync.Mutex: one writer at a time
	puller *remote.Puller // which has logged in; nil to do so for every request
}

func newRepository(repo name.Repository, c oci.Client) *repository {
	if c.Transport == nil {
		c.Transport = remote.DefaultTransport
	}
	c.Transport = &pings{next: c.Transport, answers: map[string]answer{}}
	return &repository{repo: repo, client: c, locks: new(sync.Map)}
}

// reading are the options for requests that read.
func (s *repository) reading(ctx context.Context) []remote.Option {
	o := s.client.Options(ctx)
	if s.puller != nil {
		o = append(o, remote.Reuse(s.puller))
	}
	return o
}

func (s *repository) place() string { return oci.Registry.String() + " " + s.repo.Name() }

func (s *repository) reference() string { return s.repo.Name() }

func (s *repository) name(digest string) string { return s.place() + "@" + digest }

func (s *repository) manifest(ctx context.Context, digest string) ([]byte, v1.Descriptor, error) {
	desc, err := remote.Get(s.repo.Digest(digest), s.reading(ctx)...)
	if err != nil {
		// The library has no type for this; a test holds the words.
		if strings.Contains(err.Error(), "does not match requested digest") {
			err = &ChangedError{Ref: s.name(digest), What: "manifest"}
			return nil, v1.Descriptor{}, err
		}
		return nil, v1.Descriptor{}, registryError(s.name(digest), "reading", err)
	}
	if !hasDigest(desc.Manifest, digest) {
		return nil, v1.Descriptor{}, &ChangedError{Ref: s.name(digest), What: "manifest"}
	}
	if desc.Size > maxManifest {
		return nil, v1.Descriptor{}, fmt.Errorf("%s: the manifest has %d bytes, more than the limit of %d", s.name(digest), desc.Size, maxManifest)
	}
	return desc.Manifest, desc.Descriptor, nil
}

func (s *repository) blob(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	blob := s.name(d.Digest.String())
	layer, err := remote.Layer(s.repo.Digest(d.Digest.String()), s.reading(ctx)...)
	if err != nil {
		return nil, registryError(blob, "reading", err)
	}
	rc, err := layer.Compressed()
	if err != nil {
		return nil, registryError(blob, "reading", err)
	}
	data, err := readCapped(rc, min(d.Size, maxAttached))
	err = errors.Join(err, rc.Close())
	switch {
	case errors.Is(err, errTooLong) || err == nil && int64(len(data)) != d.Size,
		err != nil && strings.Contains(err.Error(), "error verifying"): // the library has no type for this either
		return nil, &ChangedError{Ref: blob, What: "blob"}
	case err != nil:
		return nil, registryError(blob, "reading", err)
	}
	return data, nil
}

func (s *repository) within(b *budget) store {
	out := &repository{repo: s.repo, client: s.metered(b), locks: s.locks}
	// Without one, every request logs in for itself.
	out.puller, _ = remote.NewPuller(out.client.Options(context.Background())...)
	return out
}

// metered is the registry's client, which counts all that is read.
func (s *repository) metered(b *budget) oci.Client {
	c := s.client
	if c.Transport == nil {
		c.Transport = remote.DefaultTransport
	}
	c.Transport = &meter{c.Transport, b}
	return c
}

// referrers asks the registry's API or reads the tag that stands in for it.
func (s *repository) referrers(ctx context.Context, digest string) ([]v1.Descriptor, error) {
	var list listing
	var many error
	err := s.client.Referrers(ctx, s.repo.Digest(digest), func(d v1.Descriptor) bool {
		ok := list.add(d)
		if !ok {
			many = tooManyReferrers()
		}
		return ok
	})
	if err != nil {
		return list, registryError(s.name(digest), "looking for signatures of", err)
	}
	return list, many
}

// attach writes a referrer. Where the registry has no referrers API, the
// referrers are a list under a tag, and writers share it.
func (s *repository) attach(ctx context.Context, subject v1.Descriptor, blobs [][]byte, manifest []byte) error {
	digest := subject.Digest.String()
	for _, b := range blobs {
		if err := remote.WriteLayer(s.repo, static.NewLayer(b, types.MediaType("application/octet-stream")), s.client.Options(ctx)...); err != nil {
			return registryError(s.name(digest), "attaching a signature to", err)
		}
	}
	d, err := blobDescriptor(manifest, types.OCIManifestSchema1)
	if err != nil {
		return err
	}
	return s.untilKept(ctx, digest, entry{
		tag: s.repo.Tag(strings.ReplaceAll(digest, ":", "-")),
		write: func() error {
			return remote.Put(s.repo.Digest(d.Digest.String()), rawManifest(manifest), s.client.Options(ctx)...)
		},
		there: func() (bool, error) {
			list, err := s.referrers(ctx, digest)
			return slices.ContainsFunc(list, func(x v1.Descriptor) bool { return x.Digest == d.Digest }), err
		},
	})
}

// detach deletes the manifest of a referrer, which ends its being listed, and
// takes it off the list under a tag that stands in for the API.
func (s *repository) detach(ctx context.Context, subject v1.Descriptor, referrer string) error {
	if referrer == "" {
		return errKept
	}
	digest := subject.Digest.String()
	if err := s.deleted(ctx, digest, s.repo.Digest(referrer)); err != nil {
		return err
	}
	lock, _ := s.locks.LoadOrStore(digest, &sync.Mutex{})
	lock.(*sync.Mutex).Lock()
	defer lock.(*sync.Mutex).Unlock()
	return s.unlist(ctx, digest, referrer)
}

// remove deletes what the older format keeps of a digest.
func (s *repository) remove(ctx context.Context, digest, suffix string) error {
	desc, err := remote.Get(s.legacyTag(digest, suffix), s.client.Options(ctx)...)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return registryError(s.name(digest), "removing a signature from", err)
	}
	if err := s.deleted(ctx, digest, s.repo.Digest(desc.Digest.String())); err != nil {
		return err
	}
	// A registry may keep the tag of a manifest that is gone.
	_ = remote.Delete(s.legacyTag(digest, suffix), s.client.Options(ctx)...)
	return nil
}

// deleted deletes a manifest that is attached to a digest. Where deleting is
// off (OCI distribution spec, "Deleting Manifests"), it is errKept.
func (s *repository) deleted(ctx context.Context, digest string, ref name.Digest) error {
	err := remote.Delete(ref, s.client.Options(ctx)...)
	if t, ok := errors.AsType[*transport.Error](err); ok {
		switch t.StatusCode {
		case http.StatusNotFound:
			return nil // gone already
		case http.StatusMethodNotAllowed, http.StatusForbidden, http.StatusUnauthorized, http.StatusBadRequest:
			return errKept
		}
	}
	if err != nil {
		return registryError(s.name(digest), "removing a signature from", err)
	}
	return nil
}

// unlist takes a manifest off the list under a tag, if there is one.
func (s *repository) unlist(ctx context.Context, digest, referrer string) error {
	tag := s.repo.Tag(strings.ReplaceAll(digest, ":", "-"))
	desc, err := remote.Get(tag, s.client.Options(ctx)...)
	if isNotFound(err) {
		return nil
	}
	var doc map[string]json.RawMessage
	var list []json.RawMessage
	if err == nil {
		err = json.Unmarshal(desc.Manifest, &doc)
	}
	if err == nil {
		err = json.Unmarshal(doc["manifests"], &list)
	}
	if err != nil {
		return registryError(s.name(digest), "removing a signature from", err)
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(raw json.RawMessage) bool {
		var d v1.Descriptor
		return json.Unmarshal(raw, &d) == nil && d.Digest.String() == referrer
	})
	if len(kept) == len(list) {
		return nil
	}
	if doc["manifests"], err = json.Marshal(kept); err != nil {
		return err
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if err := remote.Put(tag, typedManifest{raw, desc.MediaType}, s.client.Options(ctx)...); err != nil {
		return registryError(s.name(digest), "removing a signature from", err)
	}
	return nil
}

// typedManifest is a manifest to put, of any type.
type typedManifest struct {
	raw  []byte
	kind types.MediaType
}

func (m typedManifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m typedManifest) MediaType() (types.MediaType, error) { return m.kind, nil }

// An entry is something written into a list that others write, too, by reading
// it, adding to it and putting it back. The protocol has no way to do that in
// one step, so a writer can undo another's entry.
type entry struct {
	tag   name.Tag // of the list; absent where the registry keeps the list itself
	write func() error
	there func() (bool, error)
}

// writeAttempts is how often an entry is written that other writers undo.
const writeAttempts = 12

// untilKept writes an entry until it stays. Writers that share the image wait
// for one another. Others may have read the list before the entry was in it
// and put it back afterwards, so the entry is looked for again once they have
// had as long as writing takes here, twice over.
func (s *repository) untilKept(ctx context.Context, digest string, e entry) error {
	lock, _ := s.locks.LoadOrStore(digest, &sync.Mutex{})
	for range writeAttempts {
		took, err := s.writeOnce(lock.(*sync.Mutex), digest, e)
		if err != nil {
			return err
		}
		if _, err := remote.Head(e.tag, s.client.Options(ctx)...); isNotFound(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(took + rand.N(took+time.Millisecond)): // at random, to part writers in step
		}
		if ok, err := e.there(); err != nil || ok {
			return err
		}
	}
	return fmt.Errorf("attaching a signature to %s: the registry took it and does not list it; others may be signing the image now", s.name(digest))
}

func (s *repository) writeOnce(lock *sync.Mutex, digest string, e entry) (took time.Duration, err error) {
	lock.Lock()
	defer lock.Unlock()
	start := time.Now()
	if err := e.write(); err != nil {
		return 0, registryError(s.name(digest), "attaching a signature to", err)
	}
	return time.Since(start), nil
}

// rawManifest is a manifest to put.
type rawManifest []byte

func (m rawManifest) RawManifest() ([]byte, error)        { return m, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// legacyTag is where the older format keeps what is attached to a digest.
func (s *repository) legacyTag(digest, suffix string) name.Tag {
	return s.repo.Tag(strings.ReplaceAll(digest, ":", "-") + "." + suffix)
}

// tagged reads the manifest of what the older format attached, or nil.
func (s *repository) tagged(ctx context.Context, digest, suffix string) (*v1.Manifest, error) {
	img, err := remote.Image(s.legacyTag(digest, suffix), s.reading(ctx)...)
	if isNotFound(err) {
		return nil, nil
	}
	var m *v1.Manifest
	if err == nil {
		m, err = img.Manifest()
	}
	if err != nil {
		return nil, registryError(s.name(digest), "looking for signatures of", err)
	}
	return m, nil
}

// attachLegacy adds a signature, or an attestation of a predicate type, to the
// tag of the older format until it stays among the layers there.
func (s *repository) attachLegacy(ctx context.Context, digest, suffix string, sig *Signed, predicate string) error {
	annotations, err := sig.Annotations()
	if err != nil {
		return err
	}
	mine := func(l v1.Descriptor) bool {
		return l.Annotations[cosign.SignatureAnnotation] == annotations[cosign.SignatureAnnotation]
	}
	if sig.Envelope != nil {
		env, err := sig.EnvelopeJSON()
		if err != nil {
			return err
		}
		mine = func(l v1.Descriptor) bool { return hasDigest(env, l.Digest.String()) }
	}
	return s.untilKept(ctx, digest, entry{
		tag:   s.legacyTag(digest, suffix),
		write: func() error { return cosign.Attach(s.repo.Digest(digest), sig, predicate, s.client.Options(ctx)) },
		there: func() (bool, error) {
			m, err := s.tagged(ctx, digest, suffix)
			return m != nil && slices.ContainsFunc(m.Layers, mine), err
		},
	})
}

// A RegistryError is a registry that could not be asked. It never means that
// an image is unsigned.
type RegistryError struct {
	Ref string
	Act string // what was being done
	Err error
}

// registryError wraps what a registry's client returned, unless it says
// already what is wrong.
func registryError(ref, act string, err error) error {
	if _, ok := errors.AsType[*RegistryError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*ChangedError](err); ok {
		return err
	}
	return &RegistryError{ref, act, err}
}

// Error names the image, the act and what the answer means.
func (e *RegistryError) Error() string {
	return printable(fmt.Sprintf("%s %s: %s%v", e.Act, e.Ref, meaning(e.Err), e.Err))
}

// Unwrap returns the cause.
func (e *RegistryError) Unwrap() error { return e.Err }

// meaning puts the status codes that users meet into words.
func meaning(err error) string {
	t, ok := errors.AsType[*transport.Error](err)
	if !ok {
		_, isURL := errors.AsType[*url.Error](err)
		_, isNet := errors.AsType[net.Error](err)
		if isURL || isNet || errors.Is(err, io.ErrUnexpectedEOF) {
			return "the registry could not be reached: "
		}
		return ""
	}
	switch t.StatusCode {
	case http.StatusUnauthorized:
		return "the registry wants to know who asks (log in with docker login): "
	case http.StatusForbidden:
		return "the registry does not allow it: "
	case http.StatusNotFound:
		return "the registry does not have it: "
	case http.StatusTooManyRequests:
		return "the registry asks to come back later: "
	}
	if t.StatusCode >= http.StatusInternalServerError {
		return "the registry failed: "
	}
	return ""
}

func isNotFound(err error) bool {
	t, ok := errors.AsType[*transport.Error](err)
	return ok && t.StatusCode == http.StatusNotFound
}
