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
	Replace     bool               // remove what a new attestation supersedes
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
	Kept     int        `json:"kept,omitempty"`    // how many of these were there already, by the same signer
	Removed  int        `json:"removed,omitempty"` // older attestations of the same types by the same signer
	Left     int        `json:"left,omitempty"`    // those that the registry does not let go
}

// Attested is an attestation of a digest.
type Attested struct {
	Digest    string `json:"digest"`
	Predicate string `json:"predicateType"`
}

// String is the attestation for people.
func (a Attested) String() string { return a.Predicate + " of " + a.Digest }

// Sign signs an image and, of an index, every manifest in it. The index comes
// last, so that where it is signed everything in it is. What the signer has
// signed already stays as it is.
func Sign(ctx context.Context, img Image, o Options) (Result, error) {
	return SignAndAttest(ctx, img, o, Statements{})
}

// A task is what is to be signed about one manifest.
type task struct {
	about      entity
	sign       bool
	statements []rawStatement
	there      *present
}

// SignAndAttest signs an image with all that is in it, and attests statements
// about it, in one go: with one certificate, and one look at what is there. All
// of it is read and refused, if it is to be, before anything is written; what
// is in an index is written before the index is signed.
func SignAndAttest(ctx context.Context, img Image, o Options, st Statements) (Result, error) {
	return perform(ctx, img, o, true, st)
}

// perform signs, attests, or does both.
func perform(ctx context.Context, img Image, o Options, sign bool, st Statements) (Result, error) {
	res := Result{Image: img.Reference(), Source: img.Place(), Digest: img.digest}
	o, err := o.complete()
	if err != nil {
		return res, err
	}
	if err := st.check(); err != nil {
		return res, err
	}
	tasks, err := planned(ctx, img, o, sign, st)
	if err != nil {
		return res, err
	}
	done := make([]Result, len(tasks))
	one := func(ctx context.Context, i int) (err error) {
		done[i], err = tasks[i].run(ctx, img.at, o, i > 0)
		return err
	}
	if len(tasks) > 0 {
		if err := eachOf(ctx, together, len(tasks)-1, func(ctx context.Context, i int) error { return one(ctx, i+1) }); err != nil {
			return res, err
		}
		if err := one(ctx, 0); err != nil {
			return res, err
		}
	}
	for _, d := range done {
		res.Signed = append(res.Signed, d.Signed...)
		res.Attested = append(res.Attested, d.Attested...)
		res.Kept, res.Removed, res.Left = res.Kept+d.Kept, res.Removed+d.Removed, res.Left+d.Left
	}
	return res, nil
}

// planned lists what is to be done, the image itself first.
func planned(ctx context.Context, img Image, o Options, sign bool, st Statements) ([]task, error) {
	img, b, ctx, cancel := img.within(ctx, Limits{})
	defer cancel()
	list, err := entities(ctx, img)
	if err != nil {
		return nil, err
	}
	found, err := st.about(ctx, img, list, o.Log)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for i, e := range distinct(list, entity.digest) {
		t := task{about: e, sign: sign, statements: found[e.digest()]}
		if i == 0 || t.sign || len(t.statements) > 0 {
			tasks = append(tasks, t)
		}
	}
	self, err := o.Signer.Identity(ctx)
	if err != nil {
		return nil, err
	}
	err = each(ctx, len(tasks), func(ctx context.Context, i int) (err error) {
		if i > 0 || tasks[i].sign || len(tasks[i].statements) > 0 {
			tasks[i].there, err = admitted(ctx, img.at, b, tasks[i].about.digest(), o, self)
		}
		return err
	})
	return tasks, err
}

// run attests and signs.
//
// The signature of a manifest inside an index is made beside its statements:
// it counts only where the index is signed, too, which comes after all of it.
func (t task) run(ctx context.Context, at store, o Options, inside bool) (Result, error) {
	var res Result
	n := len(t.statements)
	kept := make([]bool, n+1)
	one := func(ctx context.Context, i int) (err error) {
		if i == n {
			kept[i], err = signOne(ctx, at, t.about, o, t.there)
			return err
		}
		kept[i], err = writeStatement(ctx, at, t.about, o, t.statements[i].raw, t.statements[i].predicateType, t.there)
		return err
	}
	beside := n
	if t.sign && inside {
		beside++
	}
	err := eachOf(ctx, together, beside, one)
	if err == nil && t.sign && !inside {
		err = one(ctx, n)
	}
	if err != nil {
		return res, err
	}
	for i, st := range t.statements {
		if kept[i] {
			res.Kept++
		}
		res.Attested = append(res.Attested, Attested{t.about.digest(), st.predicateType})
		if !o.Replace {
			continue
		}
		removed, left, err := t.there.supersede(ctx, at, t.about, st)
		if err != nil {
			return res, err
		}
		if left > 0 {
			o.Log.Warnf("%d older attestation(s) of type %s of %s stay: the registry does not let them go; the newest counts", left, st.predicateType, at.name(t.about.digest()))
		}
		res.Removed, res.Left = res.Removed+removed, res.Left+left
	}
	if !t.sign {
		return res, nil
	}
	if kept[n] {
		res.Kept++
		o.Log.Debugf("%s was signed already", at.name(t.about.digest()))
	}
	res.Signed = []string{t.about.digest()}
	return res, nil
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
	return eachOf(ctx, parallel, n, f)
}

// together is how many signatures are made at a time: a log of version 2 puts
// what comes in the same moment into one checkpoint, and answers then.
const together = 16

func eachOf(ctx context.Context, limit, n int, f func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(limit)
	for i := range n {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}

func signOne(ctx context.Context, s store, e entity, o Options, there *present) (kept bool, err error) {
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

// created is how the time of a referrer is written: RFC 3339, finer than
// seconds, as the newest of several statements counts.
const created = "2006-01-02T15:04:05.000000Z07:00"

// An uploader may give whole statements to a log.
type uploader interface{ Whole() bool }

// largeEntry is the size in bytes above which public logs have refused entries.
const largeEntry = 1 << 20

// writeStatement signs a statement about e and attaches it.
func writeStatement(ctx context.Context, s store, e entity, o Options, st []byte, predicate string, there *present) (kept bool, err error) {
	if there.has(st) {
		return true, nil
	}
	if u, ok := o.Signer.(uploader); ok && u.Whole() && len(st) > largeEntry {
		o.Log.Warnf("the transparency log takes the whole %s of %s, %d bytes, and may refuse it; a log of version 2 takes its hash", predicate, s.name(e.digest()), len(st))
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
	m, err := bundleReferrer(e.desc, b, predicate, time.Now().UTC().Format(created))
	if err != nil {
		return false, err
	}
	return false, s.attach(ctx, e.desc, [][]byte{emptyConfig, b}, m)
}

// present is what a signer has signed of a digest already. Signing the same again
// would only add one more, for everyone to fetch.
type present struct {
	payloads map[[sha256.Size]byte]bool
	older    []older
}

// older is an attestation that a new one of its type supersedes.
type older struct {
	predicateType string
	payload       [sha256.Size]byte
	referrer      string // the manifest's digest, "" in the older format
}

func (p *present) has(payload []byte) bool { return p.payloads[sha256.Sum256(payload)] }

// supersede removes what the signer attested before of a statement's type. What
// others attested stays.
func (p *present) supersede(ctx context.Context, at store, about entity, st rawStatement) (removed, left int, err error) {
	for _, o := range p.older {
		if o.predicateType != st.predicateType || o.payload == sha256.Sum256(st.raw) {
			continue
		}
		err := at.detach(ctx, about.desc, o.referrer)
		switch {
		case err == nil:
			removed++
		case errors.Is(err, errKept):
			left++
		default:
			return removed, left, err
		}
	}
	return removed, left, nil
}

// admitted looks at what is attached to a digest, and refuses the format that
// is not wanted. self is whose signatures are recognised, nil for no one's.
func admitted(ctx context.Context, at store, b *budget, digest string, o Options, self Identity) (*present, error) {
	if _, ok := at.(*repository); o.Format == Legacy && !ok {
		return nil, errNoTags
	}
	mine := &present{payloads: map[[sha256.Size]byte]bool{}}
	s := &survey{store: at, budget: b, digest: digest, look: func(a attachment) bool {
		if self == nil {
			return false
		}
		if _, err := self.Verify(a.signed); err != nil {
			return false
		}
		sum := sha256.Sum256(a.payload)
		mine.payloads[sum] = true
		if !a.signature() && a.statement.About(digest) {
			mine.older = append(mine.older, older{a.statement.PredicateType, sum, a.referrer})
		}
		return true
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
