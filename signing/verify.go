package signing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// Why is a reason for which a verification failed.
type Why string

// The reasons, each of which has its own message.
const (
	Unsigned         Why = "unsigned"            // no signature at all
	WrongKey         Why = "wrong key"           // signatures, none by a key of the policy
	WrongIdentity    Why = "wrong identity"      // signatures, none by an identity of the policy
	WrongIssuer      Why = "wrong issuer"        // the right name, vouched for by another
	TooFew           Why = "too few signers"     // good signatures, fewer than the policy asks for
	OtherDigest      Why = "other digest"        // a good signature of another manifest
	OtherAnnotations Why = "other annotations"   // a good signature that does not say what is wanted
	Unattested       Why = "unattested"          // a required attestation is missing
	WrongSubject     Why = "wrong subject"       // a good attestation about another image
	WrongLog         Why = "wrong log entry"     // a log entry that is missing, or of something else
	WrongTime        Why = "wrong timestamp"     // nothing that counts says when it was signed
	WrongCertificate Why = "wrong certificate"   // not by an authority of the trusted root, or not valid then
	WrongCT          Why = "wrong transparency"  // the certificate was not made public
	WrongSignature   Why = "wrong signature"     // not over what lies here
	TooOld           Why = "too old"             // an attestation older than the policy allows
	UnknownAge       Why = "unknown age"         // an attestation of which nothing proves the age
	Says             Why = "says something else" // an attestation that does not say what the policy asks for
)

// A VerifyError is an image that does not meet the policy. An image whose
// content was changed is a ChangedError; a registry that could not be asked is
// a RegistryError and says nothing about the image.
type VerifyError struct {
	Ref    string `json:"ref"`
	Why    Why    `json:"why"`
	Detail string `json:"detail"`
}

// Error says what is wrong with the image.
func (e *VerifyError) Error() string { return printable(e.Ref + ": " + e.Detail) }

// ExitCode is the code for a failed policy.
func (*VerifyError) ExitCode() int { return 1 }

// Verified is what a verification found: the record of it, for people and for
// audit logs.
type Verified struct {
	Image        string    `json:"image"`  // as commands are given it
	Source       string    `json:"source"` // the place that was read
	Digest       string    `json:"digest"`
	Policy       string    `json:"policy,omitempty"` // the policy's name
	Time         time.Time `json:"time"`             // when it was judged
	Verified     bool      `json:"verified"`
	Format       Format    `json:"format,omitempty"`
	Signatures   int       `json:"signatures"` // good ones
	SignedBy     []Witness `json:"signedBy,omitempty"`
	Attestations []Proven  `json:"attestations,omitempty"`
	// Against is the first reason against the image, nil where it was verified.
	Against *VerifyError `json:"against,omitempty"`
}

// A Witness is who signed, and as whom the policy names them.
type Witness struct {
	Identity string `json:"identity"`
	Evidence
}

// A Proven attestation is one that met what the policy asks of its type.
type Proven struct {
	Attested
	Platform string    `json:"platform,omitempty"`
	SignedBy []Witness `json:"signedBy"`
	Checks   []Checked `json:"checks,omitempty"`
}

// Checked is a line of the policy, and what the statement says to it.
type Checked struct {
	Check string `json:"check"`
	Found string `json:"found"`
}

func witnesses(votes []vote) []Witness {
	var out []Witness
	for _, v := range votes {
		out = append(out, Witness{v.by.String(), *v.evidence})
	}
	return out
}

// Verify checks the signatures of an image against a policy, and the
// attestations that the policy asks for on the image or, of an index, on every
// platform. The manifest's content is compared with the digest. What is found
// within the limits counts; what is not found although not all was looked at
// is a LimitError or a RegistryError. Of several attestations of a type by the
// same signers the newest counts.
//
// An image that does not meet the policy is a *VerifyError, and the record has
// it too.
func Verify(ctx context.Context, img Image, p Policy) (Verified, error) {
	p, err := p.complete()
	if err != nil {
		return Verified{}, err
	}
	out := Verified{Image: img.Reference(), Source: img.Place(), Digest: img.digest, Policy: p.Name, Time: p.Now().UTC().Truncate(time.Second)}
	against, err := verify(ctx, img, p, &out)
	if against != nil {
		out.Against = against
		return out, against
	}
	out.Verified = err == nil
	return out, err
}

func verify(ctx context.Context, img Image, p Policy, out *Verified) (*VerifyError, error) {
	img, b, ctx, cancel := img.within(ctx, p.Limits)
	defer cancel()
	list, err := entities(ctx, img)
	if err != nil {
		return nil, err
	}
	j := judge{at: img.at, budget: b, policy: p, all: p.everyone()}
	found, err := j.of(ctx, img.digest, append([]Requirement{{Type: cosign.SignPredicate, Signers: p.Signers}}, p.Attestations...))
	if err != nil {
		return nil, err
	}
	sigs := found.kinds[cosign.SignPredicate]
	by := enough(sigs.votes, p.Signers)
	if len(by) < p.Signers.Need {
		return found.absent(found.unsigned(img.String(), p.Signers, by))
	}
	out.Signatures, out.SignedBy = sigs.good, witnesses(by)
	for _, v := range by {
		out.Format = v.format
	}
	return j.required(ctx, img, list, found, out)
}

// A judge looks at what is attached to digests.
type judge struct {
	at     store
	budget *budget
	policy Policy
	all    []Identity // who is known
}

// judged is what is attached to a digest.
type judged struct {
	*survey
	kinds map[string]*tally // of the types that are wanted
}

// of looks at what is attached to a digest for statements of the wanted types.
// The policy's annotations are wanted of signatures.
func (j judge) of(ctx context.Context, digest string, wanted []Requirement) (judged, error) {
	out := judged{kinds: map[string]*tally{}}
	for _, w := range wanted {
		out.kinds[w.Type] = &tally{}
	}
	look := func(a attachment) bool {
		by, evidence, reason := recognised(a.signed, j.all)
		about := a.statement.About(digest)
		t := out.kinds[a.statement.PredicateType]
		switch {
		case t == nil:
		case len(by) == 0:
			t.stranger(reason)
		case !about:
			if t.elsewhere++; t.subjects == "" {
				t.subjects = a.statement.subjects()
			}
		case a.signature() && !a.statement.annotated(digest, j.policy.Annotations):
			t.silent++
		default:
			for i, id := range by {
				t.add(vote{id, evidence[i], a.format, a.place, a.written, a.statement})
			}
		}
		return len(by) > 0 && about
	}
	out.survey = &survey{
		store: j.at, budget: j.budget, digest: digest, look: look,
		wanted: func(predicate string) bool { return out.kinds[predicate] != nil },
		enough: func() bool {
			return !slices.ContainsFunc(wanted, func(w Requirement) bool {
				return len(enough(out.kinds[w.Type].votes, w.Signers)) < w.Signers.Need
			})
		},
	}
	return out, out.run(ctx)
}

// unsigned says why no signature, or not enough of them, counts.
func (j judged) unsigned(ref string, s Signers, by []vote) *VerifyError {
	t := j.kinds[cosign.SignPredicate]
	switch {
	case len(by) > 0:
		var names []string
		for _, v := range by {
			names = append(names, v.by.String())
		}
		return &VerifyError{ref, TooFew, fmt.Sprintf("%d of the %d signers that the policy asks for: signed by %s", len(by), s.Need, strings.Join(names, "; "))}
	case t.silent > 0:
		return &VerifyError{ref, OtherAnnotations, "it is signed, but the signature does not say what the policy asks for"}
	case t.elsewhere > 0:
		return &VerifyError{ref, OtherDigest, fmt.Sprintf("the signature is for %s, so the manifest is not the one that was signed", t.subjects)}
	case t.foreign > 0:
		return t.missed(ref, "signature(s)", s)
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
func (j judge) required(ctx context.Context, img Image, list []entity, whole judged, out *Verified) (*VerifyError, error) {
	var missing []Requirement
	for _, w := range j.policy.Attestations {
		if whole.kinds[w.Type].good == 0 {
			missing = append(missing, w)
			continue
		}
		proven, against := j.meets(whole, list[0], w)
		if against != nil {
			return whole.absent(against)
		}
		out.Attestations = append(out.Attestations, proven)
	}
	if len(missing) == 0 {
		return nil, nil
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
			if found, err = j.of(ctx, e.digest(), missing); err != nil {
				return nil, err
			}
		}
		for _, w := range missing {
			proven, against := j.meets(found, e, w)
			if against != nil {
				return found.absent(against)
			}
			out.Attestations = append(out.Attestations, proven)
		}
	}
	if len(checked) == 0 {
		return whole.absent(&VerifyError{img.String(), Unattested, fmt.Sprintf("there is no attestation of type %s: the index has none, and it holds no image that could have one", missing[0].Type)})
	}
	return nil, nil
}

// meets holds what was found of a type to what the policy asks for. Where one
// signer is enough, the newest statement by any of them counts; where several
// are needed, the newest of each.
func (j judge) meets(found judged, e entity, w Requirement) (Proven, *VerifyError) {
	t := found.kinds[w.Type]
	votes := t.votes
	if w.Signers.Need == 1 {
		votes = nil
		if v, ok := t.newest(w.Signers); ok {
			votes = []vote{v}
		}
	}
	if len(enough(votes, w.Signers)) < w.Signers.Need {
		return Proven{}, found.unattested(e, w)
	}
	var good []vote
	var said []Checked
	var first *VerifyError
	for _, v := range votes {
		checks, against := j.holds(found, e, w, v, t.good)
		if against == nil {
			good, said = append(good, v), checks
		} else if first == nil {
			first = against
		}
	}
	by := enough(good, w.Signers)
	if len(by) < w.Signers.Need {
		return Proven{}, first
	}
	return Proven{Attested{e.digest(), w.Type}, e.platform, witnesses(by), said}, nil
}

// skew is how far clocks may be apart.
const skew = 5 * time.Minute

// holds checks one statement. of is how many there are of its type.
func (j judge) holds(found judged, e entity, w Requirement, v vote, of int) ([]Checked, *VerifyError) {
	where := e.in(found.store)
	which := "the attestation " + w.Type
	if of > 1 {
		which = fmt.Sprintf("the newest of %d attestations %s", of, w.Type)
	}
	if w.MaxAge > 0 {
		when := v.when()
		age := j.policy.Now().Sub(when)
		switch {
		case when.IsZero():
			return nil, &VerifyError{where, UnknownAge, fmt.Sprintf("%s may be no older than %s, and no log and no timestamp authority says when it was signed", which, w.MaxAge)}
		case age < -skew:
			return nil, &VerifyError{where, UnknownAge, fmt.Sprintf("%s was signed %s from now: the clock here is wrong, or that of %s", which, (-age).Round(time.Second), v.evidence.Times[0].Source)}
		case age > w.MaxAge:
			return nil, &VerifyError{where, TooOld, fmt.Sprintf("%s was signed %s ago, and the policy allows %s", which, age.Round(time.Second), w.MaxAge)}
		}
	}
	var out []Checked
	for _, c := range w.Checks {
		says, err := c.Run(v.statement.Predicate)
		if err != nil {
			return nil, &VerifyError{where, Says, fmt.Sprintf("%s does not meet %s: %v", which, c.Name, err)}
		}
		out = append(out, Checked{c.Name, says})
	}
	return out, nil
}

// unattested says why no attestation counts.
func (j judged) unattested(e entity, w Requirement) *VerifyError {
	where, t := e.in(j.store), j.kinds[w.Type]
	switch {
	case len(t.votes) > 0 && w.Signers.Need > 1:
		return &VerifyError{where, TooFew, fmt.Sprintf("the attestation %s is by fewer than the %d signers that the policy asks for", w.Type, w.Signers.Need)}
	case t.elsewhere > 0:
		return &VerifyError{where, WrongSubject, fmt.Sprintf("the attestation %s here is about %s, not about this image", w.Type, t.subjects)}
	case t.foreign > 0 || t.good > 0:
		t.foreign += t.good
		return t.missed(where, "attestation(s) of type "+w.Type, w.Signers)
	}
	detail := "there is no attestation of type " + w.Type + j.unread()
	if e.doubt != "" {
		detail += "; it counts as an image: " + e.doubt
	}
	return &VerifyError{where, Unattested, detail}
}
