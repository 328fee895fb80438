package signing

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A Policy says who must have signed and what must be attested. A policy that
// names no one is refused.
type Policy struct {
	Keys         [][]byte // public keys, PEM; any one of them will do
	Attestations []string // predicate types that every platform must have
}

// Why a verification failed.
type Why string

// The reasons, each of which has its own message.
const (
	Unsigned     Why = "unsigned"      // no signature at all
	WrongKey     Why = "wrong key"     // signatures, none by a key of the policy
	OtherDigest  Why = "other digest"  // a good signature of another manifest
	Unattested   Why = "unattested"    // a required attestation is missing
	WrongSubject Why = "wrong subject" // a good attestation about another image
)

// A VerifyError is an image that does not meet the policy.
type VerifyError struct {
	Ref    string
	Why    Why
	Detail string
}

// Error says what is wrong with the image.
func (e *VerifyError) Error() string { return e.Ref + ": " + e.Detail }

// ExitCode is the code for a failed policy.
func (*VerifyError) ExitCode() int { return 1 }

// Verified is what a verification found.
type Verified struct {
	Digest       string        `json:"digest"`
	Format       Format        `json:"format"`
	Signatures   int           `json:"signatures"`
	Attestations []Attestation `json:"attestations,omitempty"`
}

// An Attestation is a statement whose signature is good.
type Attestation struct {
	Digest    string     `json:"digest"` // of the manifest it is about
	Predicate string     `json:"predicateType"`
	Statement *Statement `json:"-"`
}

// Verify checks the signatures of a digest against a policy, and the
// attestations that the policy asks for on the image or, of an index, on every
// platform.
func Verify(ctx context.Context, d name.Digest, p Policy) (*Verified, error) {
	keys, err := p.verifiers()
	if err != nil {
		return nil, err
	}
	signed, err := signatures(ctx, d, keys)
	if err != nil {
		return nil, err
	}
	if len(p.Attestations) == 0 {
		return signed, nil
	}
	list, err := entities(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, e := range subjects(list) {
		atts, err := attestations(ctx, e.digest, keys)
		if err != nil {
			return nil, err
		}
		if err := required(e, atts, p.Attestations); err != nil {
			return nil, err
		}
		for _, a := range atts.good {
			signed.Attestations = append(signed.Attestations, Attestation{e.digest.DigestStr(), a.PredicateType, a})
		}
	}
	return signed, nil
}

// subjects are the images that attestations are about: the platforms of an
// index, or the image itself.
func subjects(list []entity) []entity {
	var out []entity
	for _, e := range list[1:] {
		if !e.attestation {
			out = append(out, e)
		}
	}
	if len(list) == 1 {
		return list
	}
	return out
}

func (p Policy) verifiers() ([]*cosign.Verifier, error) {
	if len(p.Keys) == 0 {
		return nil, errors.New("the policy names no one: give the public key with --key")
	}
	var out []*cosign.Verifier
	for _, k := range p.Keys {
		v, err := cosign.LoadVerifier(k)
		if err != nil {
			return nil, fmt.Errorf("reading the public key: %w", err)
		}
		out = append(out, v)
	}
	return out, nil
}

// tally is what was found attached to a manifest.
type tally struct {
	good      []*Statement // about this manifest, by a known key
	elsewhere []string     // digests that good signatures are about instead
	foreign   int          // by other keys
	format    Format
}

// signatures looks for a signature of the digest in either format.
func signatures(ctx context.Context, d name.Digest, keys []*cosign.Verifier) (*Verified, error) {
	t, err := bundled(ctx, d, keys, func(predicate string) bool { return predicate == cosign.SignPredicate })
	if err != nil {
		return nil, err
	}
	if len(t.good) == 0 {
		old, err := legacySignatures(ctx, d, keys)
		if err != nil {
			return nil, err
		}
		t.foreign += old.foreign
		t.elsewhere = append(t.elsewhere, old.elsewhere...)
		if len(old.good) > 0 {
			t.good, t.format = old.good, Legacy
		}
	}
	switch {
	case len(t.good) > 0:
		return &Verified{Digest: d.DigestStr(), Format: t.format, Signatures: len(t.good)}, nil
	case len(t.elsewhere) > 0:
		return nil, &VerifyError{d.String(), OtherDigest, fmt.Sprintf("the signature is for %s, so the manifest is not the one that was signed", t.elsewhere[0])}
	case t.foreign > 0:
		return nil, &VerifyError{d.String(), WrongKey, fmt.Sprintf("%d signature(s), none by the given key", t.foreign)}
	}
	return nil, &VerifyError{d.String(), Unsigned, "there is no signature"}
}

// attestations looks for attestations of the digest in either format.
func attestations(ctx context.Context, d name.Digest, keys []*cosign.Verifier) (*tally, error) {
	t, err := bundled(ctx, d, keys, func(predicate string) bool { return predicate != cosign.SignPredicate })
	if err != nil {
		return nil, err
	}
	envelopes, err := legacyLayers(ctx, d, cosign.AttestSuffix)
	if err != nil {
		return nil, err
	}
	for _, l := range envelopes {
		t.count(l.data, d, keys, func(string) bool { return true })
	}
	return t, nil
}

// required holds what was found against what the policy asks for.
func required(e entity, t *tally, wanted []string) error {
	for _, w := range wanted {
		if slices.ContainsFunc(t.good, func(s *Statement) bool { return s.PredicateType == w }) {
			continue
		}
		where := e.digest.String()
		if e.platform != "" {
			where += " (" + e.platform + ")"
		}
		switch {
		case len(t.elsewhere) > 0:
			return &VerifyError{where, WrongSubject, fmt.Sprintf("an attestation here is about %s, not about this image", t.elsewhere[0])}
		case t.foreign > 0:
			return &VerifyError{where, WrongKey, fmt.Sprintf("%d attestation(s), none by the given key", t.foreign)}
		}
		return &VerifyError{where, Unattested, "there is no attestation of type " + w}
	}
	return nil
}

// count looks at one envelope.
func (t *tally) count(envelope []byte, d name.Digest, keys []*cosign.Verifier, wanted func(string) bool) {
	st, err := payload(envelope)
	if err != nil || !wanted(st.PredicateType) {
		return
	}
	if !slices.ContainsFunc(keys, func(v *cosign.Verifier) bool { return v.Envelope(envelope) == nil }) {
		t.foreign++
		return
	}
	if !st.About(d.DigestStr()) {
		t.elsewhere = append(t.elsewhere, st.subjectText())
		return
	}
	t.good = append(t.good, st)
}

func (s *Statement) subjectText() string {
	for _, x := range s.Subject {
		for alg, hex := range x.Digest {
			return alg + ":" + hex
		}
	}
	return "nothing"
}

// payload reads the statement of a DSSE envelope without checking anything.
func payload(envelope []byte) (*Statement, error) {
	var env struct{ Payload string }
	if err := json.Unmarshal(envelope, &env); err != nil {
		return nil, fmt.Errorf("reading the envelope: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(env.Payload)
	if err != nil {
		return nil, fmt.Errorf("reading the envelope: %w", err)
	}
	var st Statement
	if err := json.Unmarshal(raw, &st); err != nil {
		return nil, fmt.Errorf("reading the statement: %w", err)
	}
	return &st, nil
}

// bundled counts the bundles that refer to the digest.
func bundled(ctx context.Context, d name.Digest, keys []*cosign.Verifier, wanted func(string) bool) (*tally, error) {
	t := &tally{format: Bundle}
	found, err := bundleReferrers(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, desc := range found {
		ref := d.Context().Digest(desc.Digest.String())
		raw, err := firstLayer(ctx, ref)
		if err != nil {
			return nil, err
		}
		envelope, err := cosign.ReadBundle(raw)
		if err != nil {
			continue // signs a file, or is no bundle: says nothing of images
		}
		t.count(envelope, d, keys, wanted)
	}
	return t, nil
}

// bundleReferrers lists the bundles that refer to a digest, through the
// registry's API or the tag that stands in for it.
func bundleReferrers(ctx context.Context, d name.Digest) ([]v1.Descriptor, error) {
	index, err := remote.Referrers(d, options(ctx)...)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, &RegistryError{d.String(), "looking for signatures of", err}
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, &RegistryError{d.String(), "looking for signatures of", err}
	}
	var out []v1.Descriptor
	for _, desc := range m.Manifests {
		yes, err := isBundle(ctx, d, desc)
		if err != nil {
			return nil, err
		}
		if yes {
			out = append(out, desc)
		}
	}
	return out, nil
}

// bundleTypes begins the media types of Sigstore bundles of any version.
const bundleTypes = "application/vnd.dev.sigstore.bundle"

// isBundle tells a bundle from other referrers, such as BuildKit's attestation
// manifests. Registries and older clients do not all fill in the type, so the
// layer decides where it is not plain.
func isBundle(ctx context.Context, d name.Digest, desc v1.Descriptor) (bool, error) {
	if strings.HasPrefix(desc.ArtifactType, bundleTypes) {
		return true, nil
	}
	if desc.ArtifactType != "" && !strings.HasPrefix(desc.ArtifactType, "application/vnd.oci.") {
		return false, nil
	}
	ref := d.Context().Digest(desc.Digest.String())
	img, err := remote.Image(ref, options(ctx)...)
	if err != nil {
		return false, &RegistryError{ref.String(), "reading", err}
	}
	m, err := img.Manifest()
	if err != nil {
		return false, &RegistryError{ref.String(), "reading", err}
	}
	return len(m.Layers) > 0 && strings.HasPrefix(string(m.Layers[0].MediaType), bundleTypes), nil
}

func firstLayer(ctx context.Context, ref name.Digest) ([]byte, error) {
	img, err := remote.Image(ref, options(ctx)...)
	if err != nil {
		return nil, &RegistryError{ref.String(), "reading", err}
	}
	m, err := manifestLayers(img)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	if len(m.Layers) == 0 {
		return nil, nil
	}
	return layerData(img, m.Layers[0], ref)
}

func layerData(img v1.Image, desc v1.Descriptor, ref name.Reference) ([]byte, error) {
	layer, err := img.LayerByDigest(desc.Digest)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	rc, err := layer.Compressed()
	if err != nil {
		return nil, &RegistryError{ref.String(), "reading", err}
	}
	data, err := io.ReadAll(io.LimitReader(rc, maxAttached))
	if err := errors.Join(err, rc.Close()); err != nil {
		return nil, &RegistryError{ref.String(), "reading", err}
	}
	return data, nil
}

// legacyLayer is one signature or attestation of the older format.
type legacyLayer struct {
	data        []byte
	annotations map[string]string
}

// legacyLayers reads the image at the tag made of the digest.
func legacyLayers(ctx context.Context, d name.Digest, suffix string) ([]legacyLayer, error) {
	tag := legacyTag(d, suffix)
	img, err := remote.Image(tag, options(ctx)...)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, &RegistryError{d.String(), "looking for signatures of", err}
	}
	m, err := manifestLayers(img)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", tag, err)
	}
	var out []legacyLayer
	for _, desc := range m.Layers {
		data, err := layerData(img, desc, tag)
		if err != nil {
			return nil, err
		}
		out = append(out, legacyLayer{data, desc.Annotations})
	}
	return out, nil
}

// legacySignatures counts signatures of the older format.
func legacySignatures(ctx context.Context, d name.Digest, keys []*cosign.Verifier) (*tally, error) {
	layers, err := legacyLayers(ctx, d, cosign.SignatureSuffix)
	if err != nil {
		return nil, err
	}
	t := &tally{format: Legacy}
	for _, l := range layers {
		sig := l.annotations["dev.cosignproject.cosign/signature"]
		if !slices.ContainsFunc(keys, func(v *cosign.Verifier) bool { return v.Payload(l.data, sig) == nil }) {
			t.foreign++
			continue
		}
		var p simplePayload
		if err := json.Unmarshal(l.data, &p); err != nil {
			t.foreign++
			continue
		}
		if p.Critical.Image.Digest != d.DigestStr() {
			t.elsewhere = append(t.elsewhere, p.Critical.Image.Digest)
			continue
		}
		t.good = append(t.good, &Statement{PredicateType: cosign.SignPredicate})
	}
	return t, nil
}
