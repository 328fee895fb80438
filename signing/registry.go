package signing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// retried are the answers of a registry after which asking again may help.
var retried = []int{http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// options are how every request goes out: with the credentials of docker's
// configuration, and again after an answer that may change.
func options(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithRetryBackoff(remote.Backoff{Duration: 200 * time.Millisecond, Factor: 3, Jitter: 0.1, Steps: 4}),
		remote.WithRetryStatusCodes(retried...),
	}
}

// A RegistryError is a registry that could not be asked. It never means that
// an image is unsigned.
type RegistryError struct {
	Ref string
	Act string // what was being done
	Err error
}

// Error names the image, the act and what the answer means.
func (e *RegistryError) Error() string {
	return fmt.Sprintf("%s %s: %s%v", e.Act, e.Ref, meaning(e.Err), e.Err)
}

// Unwrap returns the cause.
func (e *RegistryError) Unwrap() error { return e.Err }

// meaning puts the status codes that users meet into words.
func meaning(err error) string {
	t, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return "the registry could not be reached: "
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

// Resolve finds the digest that a reference stands for.
func Resolve(ctx context.Context, ref name.Reference) (name.Digest, error) {
	if d, ok := ref.(name.Digest); ok {
		return d, nil
	}
	desc, err := remote.Head(ref, options(ctx)...)
	if err != nil {
		// Some registries answer HEAD badly; GET tells more.
		full, gerr := remote.Get(ref, options(ctx)...)
		if gerr != nil {
			return name.Digest{}, &RegistryError{ref.String(), "resolving", gerr}
		}
		desc = &full.Descriptor
	}
	return ref.Context().Digest(desc.Digest.String()), nil
}

// An entity is one manifest to sign: an index, a platform's image, an
// attestation manifest.
type entity struct {
	digest      name.Digest
	platform    string // "linux/amd64", "" for an index or an attestation manifest
	attestation bool
	subject     string // of an attestation manifest: the digest it is about
}

// The annotations by which BuildKit marks attestation manifests.
const (
	annotationType   = "vnd.docker.reference.type"
	annotationDigest = "vnd.docker.reference.digest"
	attestationValue = "attestation-manifest"
)

// entities lists a manifest and, of an index, its children.
func entities(ctx context.Context, d name.Digest) ([]entity, error) {
	desc, err := remote.Get(d, options(ctx)...)
	if err != nil {
		return nil, &RegistryError{d.String(), "reading", err}
	}
	out := []entity{{digest: d}}
	if !desc.MediaType.IsIndex() {
		return out, nil
	}
	index, err := desc.ImageIndex()
	if err != nil {
		return nil, &RegistryError{d.String(), "reading", err}
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, &RegistryError{d.String(), "reading", err}
	}
	for _, c := range m.Manifests {
		e := entity{digest: d.Context().Digest(c.Digest.String())}
		if c.Annotations[annotationType] == attestationValue {
			e.attestation, e.subject = true, c.Annotations[annotationDigest]
		} else if c.Platform != nil {
			e.platform = c.Platform.String()
		}
		out = append(out, e)
	}
	return out, nil
}

// manifestLayers fetches a small image's layers, capped.
func manifestLayers(img v1.Image) (*v1.Manifest, error) {
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		if l.Size > maxAttached {
			return nil, fmt.Errorf("a layer of %d bytes, more than the limit of %d", l.Size, maxAttached)
		}
	}
	return m, nil
}

// maxAttached is the largest signature or attestation that is read, in bytes.
const maxAttached = 64 << 20
