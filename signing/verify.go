package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A Policy says who must have signed and what must be attested. A policy that
// names no one is refused.
type Policy struct {
	Keys         [][]byte          // public keys, PEM; any one of them will do
	Annotations  map[string]string // what the signature must say
	Attestations []string          // predicate types that the image, or every platform of it, must have
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
func (e *VerifyError) Error() string { return e.Ref + ": " + e.Detail }

// ExitCode is the code for a failed policy.
func (*VerifyError) ExitCode() int { return 1 }

// Verified is what a verification found.
type Verified struct {
	Image        string     `json:"image"`
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
// platform. The manifest's content is compared with the digest.
func Verify(ctx context.Context, img Image, p Policy) (Verified, error) {
	keys, err := p.verifiers()
	if err != nil {
		return Verified{}, err
	}
	list, err := entities(ctx, img)
	if err != nil {
		return Verified{}, err
	}
	there, err := attachments(ctx, img.at, img.digest)
	if err != nil {
		return Verified{}, err
	}
	sigs := judge(there, img.digest, keys, attachment.signature)
	out := Verified{Image: img.String(), Digest: img.digest}
	for _, a := range sigs.good {
		if a.statement.annotated(img.digest, p.Annotations) {
			out.Format, out.Signatures = a.format, out.Signatures+1
		}
	}
	if out.Signatures == 0 {
		return Verified{}, sigs.unsigned(img.String(), there)
	}
	out.Attestations, err = required(ctx, img, list, p.Attestations, there, keys)
	if err != nil {
		return Verified{}, err
	}
	return out, nil
}

// judged is what is attached to a digest, sorted by what it is worth.
type judged struct {
	good       []attachment // about this digest, by a known key
	elsewhere  []attachment // by a known key, about other digests
	foreign    []attachment // by other keys
	unreadable []attachment
}

// judge looks at the attachments that are wanted, and at those that cannot be
// read.
func judge(there []attachment, digest string, keys []*cosign.Verifier, wanted func(attachment) bool) judged {
	var j judged
	for _, a := range there {
		switch {
		case a.err != nil:
			j.unreadable = append(j.unreadable, a)
		case !wanted(a):
		case !slices.ContainsFunc(keys, func(v *cosign.Verifier) bool { return a.by(v) == nil }):
			j.foreign = append(j.foreign, a)
		case !a.statement.About(digest):
			j.elsewhere = append(j.elsewhere, a)
		default:
			j.good = append(j.good, a)
		}
	}
	return j
}

// unsigned says why no signature counts.
func (j judged) unsigned(ref string, there []attachment) error {
	switch {
	case len(j.good) > 0:
		return &VerifyError{ref, OtherAnnotations, "it is signed, but the signature does not say what the policy asks for"}
	case len(j.elsewhere) > 0:
		return &VerifyError{ref, OtherDigest, fmt.Sprintf("the signature is for %s, so the manifest is not the one that was signed", j.elsewhere[0].statement.subjects())}
	case len(j.foreign) > 0:
		return &VerifyError{ref, WrongKey, fmt.Sprintf("%d signature(s), none by the given key", len(j.foreign))}
	}
	detail := "there is no signature"
	if n := len(there) - len(j.unreadable); n > 0 {
		detail += fmt.Sprintf("; %d attestation(s) of what is in it do not count as one", n)
	}
	return &VerifyError{ref, Unsigned, detail + j.unread()}
}

// unread mentions what could not be read.
func (j judged) unread() string {
	if len(j.unreadable) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d attached file(s) cannot be read: %v", len(j.unreadable), j.unreadable[0].err)
}

// required looks for the attestations that the policy asks for, on the image
// itself and then, for those that it lacks, on every image of an index. The
// images are all that a runtime may choose, whatever the index says of them;
// where there is none, nothing carries the attestations.
func required(ctx context.Context, img Image, list []entity, wanted []string, there []attachment, keys []*cosign.Verifier) ([]Attested, error) {
	var out []Attested
	var missing []string
	for _, w := range wanted {
		if j := judge(there, img.digest, keys, ofType(w)); len(j.good) > 0 {
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
		there, err := attachments(ctx, img.at, e.digest())
		if err != nil {
			return nil, err
		}
		for _, w := range missing {
			j := judge(there, e.digest(), keys, ofType(w))
			if len(j.good) == 0 {
				return nil, j.unattested(img.at, e, w)
			}
			out = append(out, Attested{e.digest(), w})
		}
	}
	if len(checked) == 0 {
		return nil, &VerifyError{img.String(), Unattested, fmt.Sprintf("there is no attestation of type %s: the index has none, and it holds no image that could have one", missing[0])}
	}
	return out, nil
}

func ofType(predicate string) func(attachment) bool {
	return func(a attachment) bool { return a.statement.PredicateType == predicate }
}

// unattested says why no attestation counts.
func (j judged) unattested(s store, e entity, wanted string) error {
	where := e.in(s)
	switch {
	case len(j.elsewhere) > 0:
		return &VerifyError{where, WrongSubject, fmt.Sprintf("the attestation %s here is about %s, not about this image", wanted, j.elsewhere[0].statement.subjects())}
	case len(j.foreign) > 0:
		return &VerifyError{where, WrongKey, fmt.Sprintf("%d attestation(s) of type %s, none by the given key", len(j.foreign), wanted)}
	}
	detail := "there is no attestation of type " + wanted + j.unread()
	if e.doubt != "" {
		detail += "; it counts as an image: " + e.doubt
	}
	return &VerifyError{where, Unattested, detail}
}
