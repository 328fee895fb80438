// Package pin asks registries what images are now, and pins the references of
// Dockerfiles to it. It is the only part of lint that reaches the network, and
// nothing in lint depends on it: whoever may ask hands a Resolver to the rules.
package pin

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/lint/rule"
)

// A Resolver asks registries about images and remembers the answers. The zero
// value asks with docker's credentials and remembers nothing between runs. It
// may be used by several goroutines.
type Resolver struct {
	Client oci.Client
	// Timeout bounds what is asked about one image, repeated requests
	// included; default 30 s.
	Timeout time.Duration
	// Cache keeps answers between runs; nil for none.
	Cache *Cache
	// Fresh is how old an answer of the cache about a tag may be; 0 asks
	// anew. What a digest stands for never changes and is not asked again.
	Fresh time.Duration
	// Offline asks nobody: what the cache has is taken, however old.
	Offline bool

	mu      sync.Mutex
	answers map[question]*answer
	sums    map[string]*sum // by URL
	slots   chan struct{}
}

// A question is what one request is about.
type question struct {
	ref   string
	facts bool // more than the digest
}

// An answer is given once, to all who ask.
type answer struct {
	once  sync.Once
	image rule.Image
	err   error
}

const (
	parallel       = 8 // images asked about at a time
	defaultTimeout = 30 * time.Second
)

// Digest gives the digest, sha256:…, of what a reference points to: that of
// the index where the image is for several platforms. A digest in the
// reference is left aside, so that a stale one is noticed. Errors are *Error.
func (r *Resolver) Digest(ctx context.Context, ref string) (string, error) {
	img, err := r.ask(ctx, ref, false)
	return img.Digest, err
}

// Facts tells what the registry knows of an image, for the Linux platform of
// this machine's architecture or else the first that the image has. Errors
// are *Error.
func (r *Resolver) Facts(ctx context.Context, ref string) (rule.Image, error) {
	return r.ask(ctx, ref, true)
}

func (r *Resolver) ask(ctx context.Context, ref string, facts bool) (rule.Image, error) {
	q := question{ref, facts}
	r.mu.Lock()
	if r.answers == nil {
		r.answers, r.slots = map[question]*answer{}, make(chan struct{}, parallel)
	}
	a := r.answers[q]
	if a == nil {
		a = &answer{}
		r.answers[q] = a
	}
	r.mu.Unlock()
	a.once.Do(func() {
		select {
		case r.slots <- struct{}{}:
			defer func() { <-r.slots }()
		case <-ctx.Done():
			a.err = newError(ref, ctx.Err(), 0)
			return
		}
		timeout := r.timeout()
		ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
		a.image, a.err = r.look(ctx, ref, facts)
		if a.err != nil {
			if errors.Is(context.Cause(ctx), errTimeout) {
				a.err = errTimeout
			}
			a.err = newError(ref, a.err, timeout)
		}
	})
	return a.image, a.err
}

// look answers from the cache or the registry.
func (r *Resolver) look(ctx context.Context, text string, facts bool) (rule.Image, error) {
	ref, err := parse(text, !facts)
	if err != nil {
		return rule.Image{}, err
	}
	digest, err := r.digest(ctx, ref, facts)
	if err != nil || !facts {
		return rule.Image{Digest: digest}, err
	}
	platform := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	key := ref.Context().Digest(digest).String() + " " + platform.String()
	if f, ok := r.Cache.facts(key); ok {
		return f.image(digest), nil
	}
	if r.Offline {
		return rule.Image{}, errOffline
	}
	f, err := r.read(ctx, ref.Context().Digest(digest), platform)
	if err != nil {
		return rule.Image{}, err
	}
	r.Cache.putFacts(key, f)
	return f.image(digest), nil
}

func (f facts) image(digest string) rule.Image {
	return rule.Image{Digest: digest, User: f.User, Size: f.Size, Platforms: f.Platforms}
}

// parse reads a reference as docker does. Without its digest a reference that
// has both means its tag.
func parse(text string, tag bool) (name.Reference, error) {
	if tag {
		text, _, _ = strings.Cut(text, "@")
	}
	return oci.ParseName(text)
}

func (r *Resolver) digest(ctx context.Context, ref name.Reference, facts bool) (string, error) {
	if d, ok := ref.(name.Digest); ok && facts {
		return d.DigestStr(), nil
	}
	key := ref.Name()
	if d, ok := r.Cache.tag(key, r.Fresh, r.Offline); ok {
		return d, nil
	}
	if r.Offline {
		return "", errOffline
	}
	// HEAD is not counted as a pull where pulls are limited. Registries that
	// answer it badly are asked for the manifest itself.
	desc, err := remote.Head(ref, r.Client.Options(ctx)...)
	if err != nil && !answered(err) && ctx.Err() == nil {
		var got *remote.Descriptor
		if got, err = remote.Get(ref, r.Client.Options(ctx)...); err == nil {
			desc = &got.Descriptor
		}
	}
	if err != nil {
		return "", err
	}
	r.Cache.putTag(key, desc.Digest.String())
	return desc.Digest.String(), nil
}

// read gets what an image says of itself: its manifest and its configuration.
func (r *Resolver) read(ctx context.Context, ref name.Digest, platform v1.Platform) (facts, error) {
	desc, err := remote.Get(ref, append(r.Client.Options(ctx), remote.WithPlatform(platform))...)
	if err != nil {
		return facts{}, err
	}
	var f facts
	if desc.MediaType.IsIndex() {
		if f.Platforms, err = indexed(desc); err != nil {
			return facts{}, err
		}
	}
	img, err := desc.Image()
	if err != nil && desc.MediaType.IsIndex() {
		img, err = first(desc)
	}
	if err != nil {
		return facts{}, err
	}
	m, err := img.Manifest()
	if err != nil {
		return facts{}, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return facts{}, err
	}
	f.User = config.Config.User
	if p := config.Platform(); p != nil && f.Platforms == nil && p.OS != "" && p.Architecture != "" {
		f.Platforms = []string{oci.FormatPlatform(*p)}
	}
	if f.Platforms == nil {
		f.Platforms = []string{} // asked, and not told
	}
	for _, l := range m.Layers {
		f.Size += l.Size
	}
	return f, nil
}

// indexed lists the platforms of an index, nil where one of its images does not
// say what it is for: that is in its configuration then.
func indexed(desc *remote.Descriptor) ([]string, error) {
	_, images, err := images(desc)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, d := range images {
		if d.Platform == nil {
			return nil, nil
		}
		out = append(out, oci.FormatPlatform(*d.Platform))
	}
	return out, nil
}

// images lists the images of an index, attestations left out.
func images(desc *remote.Descriptor) (v1.ImageIndex, []v1.Descriptor, error) {
	index, err := desc.ImageIndex()
	if err != nil {
		return nil, nil, err
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, nil, err
	}
	return index, slices.DeleteFunc(slices.Clone(m.Manifests), func(d v1.Descriptor) bool {
		return !d.MediaType.IsImage() || d.Platform != nil && d.Platform.OS == "unknown"
	}), nil
}

// first is the first image of an index.
func first(desc *remote.Descriptor) (v1.Image, error) {
	index, images, err := images(desc)
	if err != nil {
		return nil, err
	}
	if len(images) == 0 {
		return nil, errors.New("the index holds no image")
	}
	return index.Image(images[0].Digest)
}
