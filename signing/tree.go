package signing

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A Branch is a manifest and what hangs on it.
type Branch struct {
	Digest   string `json:"digest"`
	Platform string `json:"platform,omitempty"`
	Kind     string `json:"kind"` // index, image or attestation
	About    string `json:"about,omitempty"`
	Leaves   []Leaf `json:"attached,omitempty"`
	Problem  string `json:"problem,omitempty"` // what could not be looked at
}

// A Leaf is something attached to a manifest.
type Leaf struct {
	Digest        string `json:"digest,omitempty"` // of the manifest by which it refers
	ArtifactType  string `json:"artifactType,omitempty"`
	Format        Format `json:"format,omitempty"`
	PredicateType string `json:"predicateType,omitempty"`
	Signature     bool   `json:"signature,omitempty"`
	// Who signed, as far as it says itself. Only where Verified is set is
	// that so: one of the identities that were asked for signed it.
	Subject  string `json:"subject,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	Key      string `json:"key,omitempty"`
	Verified bool   `json:"verified,omitempty"`
	Created  string `json:"created,omitempty"` // as the manifest says

	place int
}

// Tree lists an image, what is in it, and what hangs on each: signatures and
// attestations of both formats, and other referrers.
func Tree(ctx context.Context, img Image, by ...Identity) ([]Branch, error) {
	img, b, ctx, cancel := img.within(ctx, Limits{})
	defer cancel()
	list, err := entities(ctx, img)
	if err != nil {
		return nil, err
	}
	list = distinct(list, entity.digest)
	out := make([]Branch, len(list))
	err = each(ctx, len(list), func(ctx context.Context, i int) (err error) {
		out[i], err = branch(ctx, img.at, b, list[i], by)
		return err
	})
	return out, err
}

func branch(ctx context.Context, at store, b *budget, e entity, by []Identity) (Branch, error) {
	out := Branch{Digest: e.digest(), Platform: e.platform, Kind: "image", About: e.about}
	switch {
	case e.index:
		out.Kind = "index"
	case e.attestation():
		out.Kind = "attestation"
	}
	refs, err := at.referrers(ctx, e.digest())
	if err != nil {
		return out, err
	}
	for i, r := range refs {
		if !maybeSigned(r.ArtifactType) {
			out.Leaves = append(out.Leaves, Leaf{Digest: r.Digest.String(), ArtifactType: r.ArtifactType, place: i << 20})
		}
	}
	s := &survey{store: at, budget: b, digest: e.digest(), look: func(a attachment) bool {
		known, _, _ := recognised(a.signed, by)
		l := Leaf{Digest: a.referrer, Format: a.format, PredicateType: a.statement.PredicateType, Signature: a.signature(), Verified: len(known) > 0, Created: a.written, place: a.place}
		l.Subject, l.Issuer, l.Key = a.signed.Says()
		for _, id := range known {
			if ev, err := id.Verify(a.signed); err == nil && ev.Key != "" {
				l.Key = ev.Key
			}
		}
		out.Leaves = append(out.Leaves, l)
		return l.Verified
	}}
	if err := s.run(ctx); err != nil {
		return out, err
	}
	if s.incomplete != nil {
		out.Problem = s.incomplete.Error()
	} else if s.unreadable > 0 {
		out.Problem = "cannot be read in part: " + s.reason.Error()
	}
	slices.SortStableFunc(out.Leaves, func(a, b Leaf) int { return cmp.Compare(a.place, b.place) })
	return out, nil
}

// Cleaned is what was removed.
type Cleaned struct {
	Image   string `json:"image"`
	Digest  string `json:"digest"`
	Removed []Leaf `json:"removed,omitempty"`
	Left    []Leaf `json:"left,omitempty"` // what the registry does not let go
}

// Clean removes what identities have signed from an image and from all that is
// in it: bundles, and in the older format the manifest of all signatures or all
// attestations of a digest where all of them are theirs. dry removes nothing and
// says what would go.
func Clean(ctx context.Context, img Image, dry bool, by ...Identity) (Cleaned, error) {
	out := Cleaned{Image: img.Reference(), Digest: img.digest}
	if len(by) == 0 {
		return out, errNoOne
	}
	branches, err := Tree(ctx, img, by...)
	if err != nil {
		return out, err
	}
	for _, b := range branches {
		if b.Problem != "" {
			return out, errors.New(b.Digest + ": " + b.Problem)
		}
		if err := clean(ctx, img.at, b, dry, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func clean(ctx context.Context, at store, b Branch, dry bool, out *Cleaned) error {
	_, subject, err := at.manifest(ctx, b.Digest)
	if err != nil {
		return err
	}
	foreign := map[bool]bool{} // in the older format: signatures or attestations by others
	for _, l := range b.Leaves {
		if l.Format == Legacy && l.Digest == "" && !l.Verified {
			foreign[l.Signature] = true
		}
	}
	gone := map[bool]error{}
	for _, l := range b.Leaves {
		if !l.Verified {
			continue
		}
		var err error
		older := l.Format == Legacy && l.Digest == ""
		switch _, done := gone[l.Signature]; {
		case older && foreign[l.Signature]:
			err = errKept
		case dry:
		case older && done:
			err = gone[l.Signature]
		case older:
			err = untag(ctx, at, b.Digest, l.Signature)
			gone[l.Signature] = err
		default:
			err = at.detach(ctx, subject, l.Digest)
		}
		switch {
		case err == nil:
			out.Removed = append(out.Removed, l)
		case errors.Is(err, errKept):
			out.Left = append(out.Left, l)
		default:
			return err
		}
	}
	return nil
}

// untag removes what the older format keeps of a digest.
func untag(ctx context.Context, at store, digest string, signature bool) error {
	repo, ok := at.(*repository)
	if !ok {
		return errKept
	}
	suffix := cosign.AttestSuffix
	if signature {
		suffix = cosign.SignatureSuffix
	}
	return repo.remove(ctx, digest, suffix)
}
