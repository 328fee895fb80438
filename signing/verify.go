package signing

import (
	"context"
	"errors"
	"fmt"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A Policy says who must have signed and what must be attested. A policy that
// names no one is refused.
type Policy struct {
	Keys         [][]byte          // public keys, PEM; any one of them will do
	Annotations  map[string]string // what the signature must say
	Attestations []string          // predicate types that the image, or every platform of it, must have
	Limits       Limits            // of what is read to decide
}

// Why is a reason for which a verification failed.
type Why string

// The reasons, each of which has its own message.
const (
	Unsigned         Why = "unsigned"          // no signature at all
	WrongKey         Why = "wrong key"         // signatures, none by a key of the policy
	OtherDigest      Why = "other digest"      // a good signature of another manifest
	OtherAnnotations Why = "other annotations" // a good signature that does not say what is wanted
	Unattested       Why = "unattested"        // a required attestation is missing
	WrongSubject     Why = "wrong subject"     // a good attestation about another image
)

// A VerifyError is an image that does not meet the policy. An image whose
// content was changed is a ChangedError; a registry that could not be asked is
// a RegistryError and says nothing about the image.
type VerifyError struct {
	Ref    string
	Why    Why
	Detail string
}

// Error says what is wrong with the image.
func (e *VerifyError) Error() string { return printable(e.Ref + ": " + e.Detail) }

// ExitCode is the code for a failed policy.
func (*VerifyError) ExitCode() int { return 1 }

// Verified is what a verification found.
type Verified struct {
	Image        string     `json:"image"`  // as commands are given it
	Source       string     `json:"source"` // the place that was read
	Digest       string     `json:"digest"`
	Format       Format     `json:"format"`
	Signatures   int        `json:"signatures"` // good ones
	Attestations []Attested `json:"attestations,omitempty"`
}

// errNoOne is a policy without keys.
var errNoOne = errors.New("the policy names no one: give the public key with --key")

func (p Policy) verifiers() ([]*cosign.Verifier, error) {
	if len(p.Keys) == 0 {
		return nil, errNoOne
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

// Verify checks the signatures of an image against a policy, and the
// attestations that the policy asks for on the image or, of an index, on every
// platform. The manifest's content is compared with the digest. What is found
// within the limits counts; what is not found although not all was looked at
// is a LimitError or a RegistryError.
func Verify(ctx context.Context, img Image, p Policy) (Verified, error) {
	keys, err := p.verifiers()
	if err != nil {
		return Verified{}, err
	}
	for _, w := range p.Attestations {
		if isSignatureType(w) {
			return Verified{}, &SignatureTypeError{w}
		}
	}
	img, b, ctx, cancel := img.within(ctx, p.Limits)
	defer cancel()
	list, err := entities(ctx, img)
	if err != nil {
		return Verified{}, err
	}
	found, err := judge(ctx, img.at, b, img.digest, keys, append([]string{cosign.SignPredicate}, p.Attestations...), p.Annotations, nil)
	if err != nil {
		return Verified{}, err
	}
	sigs := found.kinds[cosign.SignPredicate]
	if sigs.good == 0 {
		return Verified{}, found.absent(found.unsigned(img.String()))
	}
	out := Verified{Image: img.Reference(), Source: img.Place(), Digest: img.digest, Format: sigs.format, Signatures: sigs.good}
	out.Attestations, err = required(ctx, img, b, list, found, p.Attestations, keys)
	if err != nil {
		return Verified{}, err
	}
	return out, nil
}

// A tally is what is attached to a digest of one predicate type, by what it is
// worth.
type tally struct {
	good      int
	format    Format // of the last good one
	silent    int    // by a known key about this digest, without the annotations that are wanted
	elsewhere int    // by a known key, about other digests
	subjects  string // of the first of these
	foreign   int    // by other keys
}

// judged is what is attached to a digest.
type judged struct {
	*survey
	kinds map[string]*tally // of the types that are wanted
}

// judge looks at what is attached to a digest, for statements of the wanted
// types. The annotations are wanted of signatures. good, if any, is shown what
// counts.
func judge(ctx context.Context, s store, b *budget, digest string, keys []*cosign.Verifier, wanted []string, annotations map[string]string, good func(attachment)) (judged, error) {
	j := judged{kinds: map[string]*tally{}}
	for _, w := range wanted {
		j.kinds[w] = &tally{}
	}
	j.survey = &survey{store: s, budget: b, digest: digest, look: func(a attachment) bool {
		ours := a.signedBy(keys)
		t := j.kinds[a.statement.PredicateType]
		switch {
		case t == nil:
		case !ours:
			t.foreign++
		case !a.statement.About(digest):
			if t.elsewhere++; t.subjects == "" {
				t.subjects = a.statement.subjects()
			}
		case a.signature() && !a.statement.annotated(digest, annotations):
			t.silent++
		default:
			t.good, t.format = t.good+1, a.format
			if good != nil {
				good(a)
			}
		}
		return ours && a.statement.About(digest)
	}}
	return j, j.run(ctx)
}

// unsigned says why no signature counts.
func (j judged) unsigned(ref string) *VerifyError {
	t := j.kinds[cosign.SignPredicate]
	switch {
	case t.silent > 0:
		return &VerifyError{ref, OtherAnnotations, "it is signed, but the signature does not say what the policy asks for"}
	case t.elsewhere > 0:
		return &VerifyError{ref, OtherDigest, fmt.Sprintf("the signature is for %s, so the manifest is not the one that was signed", t.subjects)}
	case t.foreign > 0:
		return &VerifyError{ref, WrongKey, fmt.Sprintf("%d signature(s), none by the given key", t.foreign)}
	}
	detail := "there is no signature"
	if j.shown > 0 {
		detail += fmt.Sprintf("; %d attestation(s) of what is in it do not count as one", j.shown)
	}
	return &VerifyError{ref, Unsigned, detail + j.unread()}
}

// required looks for the attestations that the policy asks for, on the image
// itself, where whole was found, and then, for those that it lacks, on every
// image of an index. The images are all that a runtime may choose, whatever the
// index says of them; where there is none, nothing carries the attestations.
func required(ctx context.Context, img Image, b *budget, list []entity, whole judged, wanted []string, keys []*cosign.Verifier) ([]Attested, error) {
	var out []Attested
	var missing []string
	for _, w := range wanted {
		if whole.kinds[w].good > 0 {
			out = append(out, Attested{img.digest, w})
		} else {
			missing = append(missing, w)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	checked := map[string]bool{}
	for _, e := range list {
		if !e.image() || checked[e.digest()] {
			continue
		}
		checked[e.digest()] = true
		found := whole
		if e.digest() != img.digest {
			var err error
			if found, err = judge(ctx, img.at, b, e.digest(), keys, missing, nil, nil); err != nil {
				return nil, err
			}
		}
		for _, w := range missing {
			if found.kinds[w].good == 0 {
				return nil, found.absent(found.unattested(e, w))
			}
			out = append(out, Attested{e.digest(), w})
		}
	}
	if len(checked) == 0 {
		return nil, whole.absent(&VerifyError{img.String(), Unattested, fmt.Sprintf("there is no attestation of type %s: the index has none, and it holds no image that could have one", missing[0])})
	}
	return out, nil
}

// unattested says why no attestation counts.
func (j judged) unattested(e entity, wanted string) *VerifyError {
	where, t := e.in(j.store), j.kinds[wanted]
	switch {
	case t.elsewhere > 0:
		return &VerifyError{where, WrongSubject, fmt.Sprintf("the attestation %s here is about %s, not about this image", wanted, t.subjects)}
	case t.foreign > 0:
		return &VerifyError{where, WrongKey, fmt.Sprintf("%d attestation(s) of type %s, none by the given key", t.foreign, wanted)}
	}
	detail := "there is no attestation of type " + wanted + j.unread()
	if e.doubt != "" {
		detail += "; it counts as an image: " + e.doubt
	}
	return &VerifyError{where, Unattested, detail}
}
