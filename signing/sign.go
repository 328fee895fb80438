// Package signing signs and attests images with keys or identities, in the
// formats that cosign reads, and verifies what it and cosign have signed.
//
// Everything is about digests: a tag is resolved once and never signed.
package signing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// Format is how signatures and attestations are kept.
type Format string

// The formats. Bundle is what cosign 2 writes with --new-bundle-format and
// cosign 3 by itself; Legacy is what cosign 2 writes by itself.
const (
	Bundle Format = "bundle"
	Legacy Format = "legacy"
)

// ParseFormat reads a format's name.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case Bundle, Legacy:
		return f, nil
	}
	return "", fmt.Errorf("the format %q is neither bundle nor legacy", s)
}

// A FormatError is an image that carries the other format already. One stray
// bundle makes cosign ignore good signatures of the older kind.
type FormatError struct {
	Ref  string
	Have Format
}

// Error names the way out.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%s carries %s signatures already, and cosign reads only one kind of an image; use --format %s", e.Ref, e.Have, e.Have)
}

// ExitCode is the code for an image that is refused.
func (*FormatError) ExitCode() int { return 1 }

// Options are how something is signed.
type Options struct {
	Signer      Signer             // who signs
	Format      Format             // default Bundle
	Annotations map[string]string  // said in the signature itself; none by default
	Log         logrus.FieldLogger // default silence
}

func (o Options) complete() (Options, error) {
	if o.Signer == nil {
		return o, errors.New("there is no key to sign with")
	}
	if o.Format == "" {
		o.Format = Bundle
	}
	if o.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		o.Log = silent
	}
	return o, nil
}

// Result says what is signed now.
type Result struct {
	Image    string     `json:"image"`  // as commands are given it
	Source   string     `json:"source"` // the place that was read and written
	Digest   string     `json:"digest"`
	Signed   []string   `json:"signed,omitempty"` // digests: platforms, attestation manifests, the image
	Attested []Attested `json:"attested,omitempty"`
	Kept     int        `json:"kept,omitempty"` // how many of these were there already, by the same key
}

// Attested is an attestation of a digest.
type Attested struct {
	Digest    string `json:"digest"`
	Predicate string `json:"predicateType"`
}

// String is the attestation for people.
func (a Attested) String() string { return a.Predicate + " of " + a.Digest }

// Sign signs an image and, of an index, every manifest in it. The index comes
// last, so that where it is signed everything in it is. What the key has
// signed already stays as it is.
func Sign(ctx context.Context, img Image, o Options) (Result, error) {
	res := Result{Image: img.Reference(), Source: img.Place(), Digest: img.digest}
	o, err := o.complete()
	if err != nil {
		return res, err
	}
	list, there, err := surveyed(ctx, img, o)
	if err != nil {
		return res, err
	}
	kept := make([]bool, len(list))
	one := func(ctx context.Context, i int) (err error) {
		kept[i], err = signOne(ctx, img.at, list[i], o, there[i])
		return err
	}
	if err := each(ctx, len(list)-1, func(ctx context.Context, i int) error { return one(ctx, i+1) }); err != nil {
		return res, err
	}
	if err := one(ctx, 0); err != nil {
		return res, err
	}
	for i, e := range list {
		res.Signed = append(res.Signed, e.digest())
		if kept[i] {
			res.Kept++
			o.Log.Debugf("%s was signed already", img.at.name(e.digest()))
		}
	}
	return res, nil
}

// surveyed lists what is to be signed and what the key has signed of it.
func surveyed(ctx context.Context, img Image, o Options) ([]entity, []signed, error) {
	img, b, ctx, cancel := img.within(ctx, Limits{})
	defer cancel()
	list, err := entities(ctx, img)
	if err != nil {
		return nil, nil, err
	}
	list = distinct(list, entity.digest)
	there := make([]signed, len(list))
	err = each(ctx, len(list), func(ctx context.Context, i int) (err error) {
		there[i], err = admitted(ctx, img.at, b, list[i].digest(), o)
		return err
	})
	return list, there, err
}

// distinct leaves out what is the same by id once more.
func distinct(list []entity, id func(entity) string) []entity {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(list), func(e entity) bool {
		again := seen[id(e)]
		seen[id(e)] = true
		return again
	})
}

// each runs f for 0 to n-1, a few at a time.
func each(ctx context.Context, n int, f func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range n {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}

func signOne(ctx context.Context, s store, e entity, o Options, there signed) (kept bool, err error) {
	if o.Format == Bundle {
		st, err := newSignature(e.digest(), o.Annotations)
		if err != nil {
			return false, err
		}
		return writeStatement(ctx, s, e, o, st, cosign.SignPredicate, there)
	}
	repo, ok := s.(*repository)
	if !ok {
		return false, errNoTags
	}
	payload, err := simpleSigning(repo.repo.Name(), e.digest(), o.Annotations)
	if err != nil {
		return false, err
	}
	if there.has(payload) {
		return true, nil
	}
	sig, err := o.Signer.Message(ctx, payload)
	if err != nil {
		return false, err
	}
	return false, repo.attachLegacy(ctx, e.digest(), cosign.SignatureSuffix, sig, "")
}

// writeStatement signs a statement about e and attaches it.
func writeStatement(ctx context.Context, s store, e entity, o Options, st []byte, predicate string, there signed) (kept bool, err error) {
	if there.has(st) {
		return true, nil
	}
	if len(st) > maxStatement {
		return false, fmt.Errorf("the %s about %s has %d bytes; more than %d would not be read again", predicate, s.name(e.digest()), len(st), maxStatement)
	}
	if o.Format == Legacy {
		repo, ok := s.(*repository)
		if !ok {
			return false, errNoTags
		}
		sig, err := o.Signer.Statement(ctx, st)
		if err != nil {
			return false, err
		}
		return false, repo.attachLegacy(ctx, e.digest(), cosign.AttestSuffix, sig, predicate)
	}
	sig, err := o.Signer.Statement(ctx, st)
	if err != nil {
		return false, err
	}
	b, err := sig.JSON()
	if err != nil {
		return false, err
	}
	m, err := bundleReferrer(e.desc, b, predicate, time.Now().UTC().Format(time.RFC3339))
	if err != nil {
		return false, err
	}
	return false, s.attach(ctx, e.desc, [][]byte{emptyConfig, b}, m)
}

// signed are the payloads that a key has signed already, by their hashes.
// Signing one again would only add one more, for everyone to fetch.
type signed map[[sha256.Size]byte]bool

func (s signed) has(payload []byte) bool { return s[sha256.Sum256(payload)] }

// admitted looks at what is attached to a digest, and refuses the format that
// is not wanted.
func admitted(ctx context.Context, at store, b *budget, digest string, o Options) (signed, error) {
	if _, ok := at.(*repository); o.Format == Legacy && !ok {
		return nil, errNoTags
	}
	mine := signed{}
	self, err := o.Signer.Identity(ctx)
	if err != nil {
		return nil, err
	}
	s := &survey{store: at, budget: b, digest: digest, look: func(a attachment) bool {
		if self == nil {
			return false
		}
		_, err := self.Verify(a.signed)
		ours := err == nil
		if ours {
			mine[sha256.Sum256(a.payload)] = true
		}
		return ours
	}}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	for _, f := range s.formats {
		if f != o.Format {
			return nil, &FormatError{at.name(digest), f}
		}
	}
	return mine, s.incomplete
}

// sortedKeys gives a map's keys in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
