package signing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// An attachment is one signature or attestation found with an image.
type attachment struct {
	format    Format
	payload   []byte     // what is signed
	statement *Statement // what the payload says
	by        func(*cosign.Verifier) error
	err       error // why it cannot be read; the rest is empty then
}

// signature tells a signature of an image from other statements about it.
func (a attachment) signature() bool {
	return a.err == nil && a.statement.PredicateType == cosign.SignPredicate
}

// parallel is how many requests run at a time.
const parallel = 4

// attachments reads everything that is attached to a digest, in both formats.
func attachments(ctx context.Context, s store, digest string) ([]attachment, error) {
	list, err := s.referrers(ctx, digest)
	if err != nil {
		return nil, err
	}
	found := make([][]attachment, len(list))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, d := range list {
		if !maybeSigned(d.ArtifactType) {
			continue
		}
		g.Go(func() (err error) {
			found[i], err = referrer(gctx, s, d.Digest.String())
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := slices.Concat(found...)
	repo, ok := s.(*repository)
	if !ok {
		return out, nil
	}
	for _, suffix := range []string{cosign.SignatureSuffix, cosign.AttestSuffix} {
		m, err := repo.tagged(ctx, digest, suffix)
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue
		}
		old, err := layers(ctx, s, m)
		if err != nil {
			return nil, err
		}
		out = append(out, old...)
	}
	return out, nil
}

// bundleTypes begins the media types of Sigstore bundles of any version.
const bundleTypes = "application/vnd.dev.sigstore.bundle"

// maybeSigned passes over referrers that cannot be signatures, such as
// BuildKit's attestation manifests. Not all registries and clients fill in the
// type, so a general one is looked into.
func maybeSigned(artifactType string) bool {
	return artifactType == "" || artifactType == cosign.SignatureArtifact || artifactType == cosign.StatementType ||
		strings.HasPrefix(artifactType, bundleTypes) || strings.HasPrefix(artifactType, "application/vnd.oci.")
}

// referrer reads the signatures in one manifest that refers to an image.
func referrer(ctx context.Context, s store, digest string) ([]attachment, error) {
	m, err := manifestOf(ctx, s, digest)
	if unreadable(err) {
		return []attachment{{format: Bundle, err: err}}, nil
	}
	if err != nil {
		return nil, err
	}
	return layers(ctx, s, m)
}

// envelopeType is the media type of attestations in the older format.
const envelopeType = "application/vnd.dsse.envelope.v1+json"

// layers reads the signatures among a manifest's layers, and passes over what
// is none.
func layers(ctx context.Context, s store, m *v1.Manifest) ([]attachment, error) {
	var out []attachment
	for i, l := range m.Layers {
		if i == maxReferrers {
			return nil, fmt.Errorf("more than %d signatures in one manifest", maxReferrers)
		}
		var parse func([]byte, map[string]string) (attachment, error)
		a := attachment{format: Legacy}
		switch t := string(l.MediaType); {
		case strings.HasPrefix(t, bundleTypes):
			a.format, parse = Bundle, parseBundle
		case t == cosign.SimpleSigningType:
			parse = parsePayload
		case t == envelopeType:
			parse = parseEnvelope
		default:
			continue
		}
		data, err := s.blob(ctx, l)
		if err != nil && !unreadable(err) {
			return nil, err
		}
		if err == nil {
			var read attachment
			if read, err = parse(data, l.Annotations); err == nil {
				read.format = a.format
				a = read
			}
		}
		if errors.Is(err, cosign.ErrNoStatement) {
			continue // signs a file, which says nothing of images
		}
		a.err = err
		out = append(out, a)
	}
	return out, nil
}

// unreadable is a fault of one attachment, which must not hide the others: it
// is gone or changed. A registry that does not answer is another matter.
func unreadable(err error) bool {
	if err == nil {
		return false
	}
	_, changed := errors.AsType[*ChangedError](err)
	return changed || isNotFound(err) || errors.Is(err, fs.ErrNotExist)
}

func parseBundle(data []byte, _ map[string]string) (attachment, error) {
	env, err := cosign.ParseBundle(data)
	if err != nil {
		return attachment{}, err
	}
	return fromEnvelope(env)
}

func parseEnvelope(data []byte, _ map[string]string) (attachment, error) {
	env, err := cosign.ParseEnvelope(data)
	if err != nil {
		return attachment{}, err
	}
	return fromEnvelope(env)
}

func fromEnvelope(env *cosign.Envelope) (attachment, error) {
	st, err := enveloped(env)
	if err != nil {
		return attachment{}, err
	}
	return attachment{payload: env.Payload, statement: st, by: func(v *cosign.Verifier) error { return v.Envelope(env) }}, nil
}

func parsePayload(data []byte, annotations map[string]string) (attachment, error) {
	st, err := parseSimple(data)
	if err != nil {
		return attachment{}, err
	}
	sig := annotations[cosign.SignatureAnnotation]
	return attachment{payload: data, statement: st, by: func(v *cosign.Verifier) error { return v.Payload(data, sig) }}, nil
}

// annotated reports whether the statement says everything wanted of a digest.
func (s *Statement) annotated(digest string, wanted map[string]string) bool {
	subject := s.subject(digest)
	for _, k := range slices.Sorted(maps.Keys(wanted)) {
		if subject == nil || subject.Annotations[k] != any(wanted[k]) {
			return false
		}
	}
	return true
}
