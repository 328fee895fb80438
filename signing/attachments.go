package signing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// An attachment is one signature or attestation found with an image.
type attachment struct {
	format    Format
	place     int        // later ones come later in the list, and have a greater number
	payload   []byte     // what is signed
	statement *Statement // what the payload says
	signed    *Signed
	written   string // when it was attached, as its manifest says; may be ""
	referrer  string // digest of the manifest by which it refers; "" in the older format
}

// signature tells a signature of an image from other statements about it.
func (a attachment) signature() bool { return a.statement.PredicateType == cosign.SignPredicate }

// parallel is how many requests run at a time.
const parallel = 4

// maxAtOnce is the size in bytes up to which attachments are read several at a
// time and before all larger ones. Signatures have a few kilobytes: nobody can
// hide one behind large files.
const maxAtOnce = 1 << 20

// A survey is a look at everything that is attached to a digest, in both
// formats. Each attachment is shown as soon as it is read, and not kept.
type survey struct {
	store  store
	budget *budget
	digest string
	// look is shown an attachment and reports whether it is one of ours, which
	// may be there in any number. It is called once at a time.
	look func(attachment) (ours bool)
	// Where both are set, what is annotated as of a type that is wanted, or as
	// of none, is read first, and nothing else once that is enough. The
	// annotations are by anyone: they order the reading, and skip nothing that
	// could be missing.
	wanted func(predicateType string) bool
	enough func() bool

	mu         sync.Mutex
	large      []item
	formats    []Format // those that are there, those of what cannot be read included
	shown      int      // attachments that were read
	unreadable int
	reason     error // of the first that cannot be read
	incomplete error // why not all was looked at
}

// An item is an attachment that was not read yet.
type item struct {
	desc   v1.Descriptor
	format Format
	place  int
	parse  func([]byte, map[string]string) (attachment, error)

	written, referrer string
}

// run looks at everything. An error is one of listing what there is, or the
// end of ctx; what else could not be looked at is s.incomplete.
func (s *survey) run(ctx context.Context) error {
	list, err := s.store.referrers(ctx, s.digest)
	if err != nil && !s.limited(err) {
		return err
	}
	for _, later := range []bool{false, true} {
		if later && s.satisfied() {
			return nil
		}
		if err := s.referrers(ctx, list, later); err != nil {
			return err
		}
	}
	if repo, ok := s.store.(*repository); ok {
		for i, suffix := range []string{cosign.SignatureSuffix, cosign.AttestSuffix} {
			m, err := repo.tagged(ctx, s.digest, suffix)
			if err != nil && !s.limited(err) {
				return err
			}
			if m != nil {
				if err := s.layers(ctx, m, len(list)+i, ""); err != nil {
					return err
				}
			}
		}
	}
	slices.SortStableFunc(s.large, func(a, b item) int { return cmp.Compare(a.desc.Size, b.desc.Size) })
	for _, it := range s.large {
		if s.limited(s.budget.crowded()) {
			break
		}
		if err := s.item(ctx, it); err != nil {
			return err
		}
	}
	return nil
}

// satisfied reports whether nothing more has to be read.
func (s *survey) satisfied() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enough != nil && len(s.large) == 0 && s.enough()
}

// referrers reads those that are to be read first, or those that come later.
func (s *survey) referrers(ctx context.Context, list []v1.Descriptor, later bool) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, d := range list {
		if !maybeSigned(d.ArtifactType) || s.postponed(d) != later {
			continue
		}
		if s.limited(s.budget.crowded()) {
			break
		}
		g.Go(func() error { return s.referrer(gctx, i, d.Digest.String()) })
	}
	return g.Wait()
}

// postponed reports whether an attachment is said to be of a type that nobody
// asked for.
func (s *survey) postponed(d v1.Descriptor) bool {
	kind := d.Annotations[predicateTypeAnnotation]
	return s.wanted != nil && kind != "" && !s.wanted(kind)
}

// limited notes that not all can be looked at, and reports whether that is so.
func (s *survey) limited(err error) bool {
	limit, ok := errors.AsType[*LimitError](err)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, have := errors.AsType[*LimitError](s.incomplete); !have {
		s.incomplete = &LimitError{Ref: s.store.name(s.digest), Limit: limit.Limit}
	}
	return true
}

// failed sorts the errors of reading one attachment: it must not hide the
// others. What is gone or changed cannot be read by anyone. Where the registry
// did not answer, or more would have to be read than the limits allow, it may
// be what is looked for. Only the end of ctx ends the survey.
func (s *survey) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil && !s.limited(context.Cause(ctx)) {
		return err
	}
	s.budget.stranger()
	if s.limited(err) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if unanswered(err) {
		if s.incomplete == nil {
			s.incomplete = err
		}
		return nil
	}
	if s.unreadable++; s.reason == nil {
		s.reason = err
	}
	return nil
}

// unanswered is a registry that did not answer or a disk that failed.
func unanswered(err error) bool {
	if _, ok := errors.AsType[*RegistryError](err); ok {
		return !isNotFound(err)
	}
	_, ok := errors.AsType[*fs.PathError](err)
	return ok && !errors.Is(err, fs.ErrNotExist)
}

func (s *survey) has(f Format) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.formats, f) {
		s.formats = append(s.formats, f)
	}
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

// referrer looks at the signatures in one manifest that refers to the image.
func (s *survey) referrer(ctx context.Context, place int, digest string) error {
	m, err := manifestOf(ctx, s.store, digest)
	if err != nil {
		s.has(Bundle)
		return s.failed(ctx, err)
	}
	return s.layers(ctx, m, place, digest)
}

// What cosign and Whittle write on the manifest of a bundle.
const (
	predicateTypeAnnotation = "dev.sigstore.bundle.predicateType"
	createdAnnotation       = "org.opencontainers.image.created"
)

// envelopeType is the media type of attestations in the older format.
const envelopeType = "application/vnd.dsse.envelope.v1+json"

// layers looks at the signatures among the layers of a manifest, whose digest
// is given where it is a referrer, and passes over what is none. Large ones are left for later.
func (s *survey) layers(ctx context.Context, m *v1.Manifest, place int, referrer string) error {
	found := false
	for i, l := range m.Layers {
		it := item{desc: v1.Descriptor{Digest: l.Digest, Size: l.Size}, format: Legacy, place: place<<20 + i, written: m.Annotations[createdAnnotation], referrer: referrer}
		switch t := string(l.MediaType); {
		case strings.HasPrefix(t, bundleTypes):
			it.format, it.parse = Bundle, parseBundle
		case t == cosign.SimpleSigningType:
			it.parse = parsePayload
			it.desc.Annotations = legacyAnnotations(l)
		case t == envelopeType:
			it.parse = parseEnvelope
			it.desc.Annotations = legacyAnnotations(l)
		default:
			continue
		}
		found = true
		if s.limited(s.budget.crowded()) {
			return nil
		}
		if it.desc.Size > maxAtOnce {
			s.later(it)
		} else if err := s.item(ctx, it); err != nil {
			return err
		}
	}
	if !found {
		s.budget.stranger() // it took requests, too
	}
	return nil
}

// legacyAnnotations are those of a layer that belong to its signature.
func legacyAnnotations(l v1.Descriptor) map[string]string {
	out := map[string]string{}
	for _, name := range cosign.LegacyAnnotations {
		if v, ok := l.Annotations[name]; ok {
			out[name] = v
		}
	}
	return out
}

// later keeps an attachment for the end, unless there are too many already.
func (s *survey) later(it item) {
	s.has(it.format)
	s.mu.Lock()
	full := len(s.large) > s.budget.Foreign
	if !full {
		s.large = append(s.large, it)
	}
	s.mu.Unlock()
	if full {
		s.limited(&LimitError{Limit: fmt.Sprintf("more than %d large attachments", s.budget.Foreign)})
	}
}

// item reads one attachment and shows it.
func (s *survey) item(ctx context.Context, it item) error {
	if it.desc.Size > maxAttached {
		s.has(it.format)
		return s.failed(ctx, &LimitError{Limit: fmt.Sprintf("%s has %d bytes, more than the limit of %d", s.store.name(it.desc.Digest.String()), it.desc.Size, maxAttached)})
	}
	if !s.budget.room(it.desc.Size) {
		s.has(it.format)
		return s.failed(ctx, s.budget.spent())
	}
	data, err := s.store.blob(ctx, it.desc)
	if err != nil {
		s.has(it.format)
		return s.failed(ctx, err)
	}
	a, err := it.parse(data, it.desc.Annotations)
	if errors.Is(err, cosign.ErrNoStatement) {
		s.budget.stranger()
		return nil // signs a file, which says nothing of images
	}
	s.has(it.format)
	if err != nil {
		return s.failed(ctx, err)
	}
	a.format, a.place, a.written, a.referrer = it.format, it.place, it.written, it.referrer
	s.mu.Lock()
	s.shown++
	ours := s.look(a)
	s.mu.Unlock()
	if !ours {
		s.budget.stranger()
	}
	return nil
}

// unread mentions what could not be read.
func (s *survey) unread() string {
	if s.unreadable == 0 {
		return ""
	}
	return fmt.Sprintf("; %d attached file(s) cannot be read: %v", s.unreadable, s.reason)
}

// absent is the error for what was looked for and not found, missing unless
// not all was looked at.
func (s *survey) absent(missing *VerifyError) (*VerifyError, error) {
	if limit, ok := errors.AsType[*LimitError](s.incomplete); ok {
		return nil, &LimitError{limit.Ref, limit.Limit, missing.Detail}
	}
	if s.incomplete != nil {
		return nil, s.incomplete
	}
	return missing, nil
}

func parseBundle(data []byte, _ map[string]string) (attachment, error) {
	s, err := cosign.ParseBundle(data)
	if err != nil {
		return attachment{}, err
	}
	return fromEnvelope(s, true)
}

func parseEnvelope(data []byte, annotations map[string]string) (attachment, error) {
	s, err := cosign.ParseEnvelope(data, annotations)
	if err != nil {
		return attachment{}, err
	}
	return fromEnvelope(s, false)
}

// fromEnvelope reads a statement. Only bundles hold signatures as statements.
func fromEnvelope(s *Signed, bundle bool) (attachment, error) {
	st, err := enveloped(s.Envelope)
	if err != nil {
		return attachment{}, err
	}
	if isSignatureType(st.PredicateType) {
		if err := asCosignSigns(st, s.Payload); err != nil || !bundle {
			return attachment{}, errors.Join(errNoSignature, err)
		}
	}
	return attachment{payload: s.Payload, statement: st, signed: s}, nil
}

func parsePayload(data []byte, annotations map[string]string) (attachment, error) {
	st, err := parseSimple(data)
	if err != nil {
		return attachment{}, err
	}
	return attachment{payload: data, statement: st, signed: cosign.ParsePayload(data, annotations)}, nil
}
