package cosign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	httptransport "github.com/go-openapi/runtime/client"
	"github.com/go-openapi/strfmt"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	rekortiles "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	rekor "github.com/sigstore/rekor/pkg/generated/client"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/whittle-oci/whittle/builder/oci"
)

// Services are who is asked for certificates, log entries and timestamps.
type Services struct {
	authority  *sign.FulcioOptions // nil where none is named
	logs       []sign.Transparency
	timestamps []sign.TimestampAuthorityOptions
	whole      bool // a log takes whole statements, not their hashes
	issuer     string
	listed     []Service
}

func (s Services) online() bool { return len(s.logs)+len(s.timestamps) > 0 }

// Whole reports whether a log takes whole statements, as version 1 does.
func (s Services) Whole() bool { return s.whole }

// Issuer is the identity provider to log in with, "" where none is named.
func (s Services) Issuer() string { return s.issuer }

// Listed is what the configuration names and is used now.
func (s Services) Listed() []Service { return slices.Clone(s.listed) }

// patience is how long one request may take in all, repetitions included,
// beside what the context says.
const patience = 2 * time.Minute

// ParseServices reads a signing_config.json (protobuf-specs,
// sigstore_trustroot.proto) and chooses the services that it says are to be
// used at a time. transport sends the requests, and again where that may help.
func ParseServices(name string, raw []byte, now time.Time, transport http.RoundTripper) (Services, error) {
	var out Services
	c, err := root.NewSigningConfigFromJSON(raw)
	if err != nil {
		return out, fmt.Errorf("reading the signing configuration %s: %w", name, err)
	}
	fail := func(what string, err error) (Services, error) {
		return Services{}, fmt.Errorf("the signing configuration %s: the %s: %w", name, what, err)
	}
	list := func(kind string, s root.Service) {
		out.listed = append(out.listed, Service{Kind: kind, URL: s.URL, Version: s.MajorAPIVersion, Start: s.ValidityPeriodStart, End: s.ValidityPeriodEnd})
	}
	for _, all := range [][]root.Service{c.FulcioCertificateAuthorityURLs(), c.RekorLogURLs(), c.TimestampAuthorityURLs(), c.OIDCProviderURLs()} {
		for _, s := range all {
			if err := encrypted(s.URL); err != nil {
				return fail("services", err)
			}
		}
	}
	if all := c.FulcioCertificateAuthorityURLs(); len(all) > 0 {
		s, err := root.SelectService(all, sign.FulcioAPIVersions, now)
		if err != nil {
			return fail("certificate authorities", err)
		}
		out.authority = &sign.FulcioOptions{BaseURL: strings.TrimSuffix(s.URL, "/"), Timeout: patience, Transport: transport}
		list("certificate authority", s)
	}
	if all := c.RekorLogURLs(); len(all) > 0 {
		chosen, err := root.SelectServices(all, c.RekorLogURLsConfig(), sign.RekorAPIVersions, now)
		if err != nil {
			return fail("transparency logs", err)
		}
		for _, s := range chosen {
			log, err := newLog(s, transport)
			if err != nil {
				return fail("transparency logs", err)
			}
			out.logs = append(out.logs, log)
			out.whole = out.whole || s.MajorAPIVersion == 1
			list("transparency log", s)
		}
	}
	if all := c.TimestampAuthorityURLs(); len(all) > 0 {
		chosen, err := root.SelectServices(all, c.TimestampAuthorityURLsConfig(), sign.TimestampAuthorityAPIVersions, now)
		if err != nil {
			return fail("timestamp authorities", err)
		}
		for _, s := range chosen {
			out.timestamps = append(out.timestamps, sign.TimestampAuthorityOptions{URL: s.URL, Timeout: patience, Transport: transport})
			list("timestamp authority", s)
		}
	}
	if all := c.OIDCProviderURLs(); len(all) > 0 {
		if s, err := root.SelectService(all, []uint32{1}, now); err == nil {
			out.issuer = s.URL
			list("identity provider", s)
		}
	}
	return out, nil
}

// certificates is the client of the certificate authority. sigstore-go sends
// its requests without the caller's context, and would go on after it has ended.
func (s Services) certificates(ctx context.Context) *sign.Fulcio {
	o := *s.authority
	o.Transport = within(ctx, o.Transport)
	return sign.NewFulcio(&o)
}

// timestamping is the clients of the timestamp authorities, bound to the
// context as that of the certificate authority is.
func (s Services) timestamping(ctx context.Context) []*sign.TimestampAuthority {
	var out []*sign.TimestampAuthority
	for _, o := range s.timestamps {
		o.Transport = within(ctx, o.Transport)
		out = append(out, sign.NewTimestampAuthority(&o))
	}
	return out
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

// within sends requests until a context ends, beside their own.
func within(ctx context.Context, next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return roundTrip(func(q *http.Request) (*http.Response, error) {
		both, cancel := context.WithCancelCause(q.Context())
		stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
		res, err := next.RoundTrip(q.WithContext(both))
		if err != nil {
			stop()
			cancel(nil)
			return nil, err
		}
		res.Body = &boundBody{ReadCloser: res.Body, end: func() { stop(); cancel(nil) }}
		return res, nil
	})
}

// A boundBody frees what binds its request to a context when it is closed.
type boundBody struct {
	io.ReadCloser
	end func()
}

func (b *boundBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// encrypted refuses to ask over plain HTTP what is not on this machine: an
// identity token would be everyone's.
func encrypted(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return err
	case u.Scheme == "https" && u.Host != "", u.Scheme == "http" && oci.IsLoopback(u.Host):
		return nil
	}
	return fmt.Errorf("%q is not an https URL; plain HTTP is for this machine alone", address)
}

func newLog(s root.Service, transport http.RoundTripper) (sign.Transparency, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport, Timeout: patience}
	o := &sign.RekorOptions{BaseURL: s.URL, Version: s.MajorAPIVersion, Timeout: patience}
	if s.MajorAPIVersion == 2 {
		o.ClientV2 = &tiles{u.JoinPath("api/v2/log/entries"), client}
	} else {
		base := u.Path
		if base == "" {
			base = rekor.DefaultBasePath
		}
		o.Client = rekor.New(httptransport.NewWithClient(u.Host, base, []string{u.Scheme}, client), strfmt.Default).Entries
	}
	return sign.NewRekor(o), nil
}

// errConflict is an entry that the log has already and does not give out.
var errConflict = errors.New("the log has an equal entry already")

// tiles asks a log of version 2.
type tiles struct {
	url    *url.URL
	client *http.Client
}

// maxAnswer is the most that a log may answer, in bytes.
const maxAnswer = 10 << 20

// Add implements sign.RekorV2Client.
func (t *tiles) Add(ctx context.Context, entry any) (*protorekor.TransparencyLogEntry, error) {
	hashed, ok := entry.(*rekortiles.HashedRekordRequestV002)
	if !ok {
		return nil, fmt.Errorf("an entry of the type %T", entry)
	}
	body, err := protojson.Marshal(&rekortiles.CreateEntryRequest{Spec: &rekortiles.CreateEntryRequest_HashedRekordRequestV002{HashedRekordRequestV002: hashed}})
	if err != nil {
		return nil, err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Content-Type", "application/json")
	res, err := t.client.Do(q)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode == http.StatusConflict:
		return nil, errConflict
	case res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the log %s answers %s: %s", t.url.Host, res.Status, bytes.TrimSpace(answer[:min(len(answer), 1<<10)]))
	}
	var out protorekor.TransparencyLogEntry
	if err := protojson.Unmarshal(answer, &out); err != nil {
		return nil, fmt.Errorf("reading the answer of the log: %w", err)
	}
	return &out, nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
