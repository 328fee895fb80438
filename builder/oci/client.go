package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// MaxManifest is the most bytes that a manifest or an index may have, in a
// registry or elsewhere. Registries commonly refuse larger ones (OCI
// distribution spec, "Pushing Manifests").
const MaxManifest = 4 << 20

// A Client says how registries are asked. The zero value takes docker's
// configuration and the system's transport.
type Client struct {
	Keychain  authn.Keychain    // default: docker's config.json and its helpers
	Transport http.RoundTripper // default: remote.DefaultTransport
	Wait      time.Duration     // before the first repeated request; default 200 ms
}

// A NameError is a text that is not the name of an image in a registry.
type NameError struct {
	Name string
	Err  error
}

// Error quotes the text.
func (e *NameError) Error() string { return fmt.Sprintf("%q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *NameError) Unwrap() error { return e.Err }

// ParseName reads the name of an image in a registry as docker does. Registries
// on this machine, and those with http = true in a buildkitd.toml, are asked
// over plain HTTP where they have no TLS. Errors are *NameError, here and below.
func ParseName(s string) (name.Reference, error) {
	return named(s, name.ParseReference)
}

// ParseTag reads the name of an image in a registry that is to be written.
func ParseTag(s string) (name.Tag, error) { return named(s, name.NewTag) }

// ParseDigest reads REPOSITORY@DIGEST.
func ParseDigest(s string) (name.Digest, error) { return named(s, name.NewDigest) }

// named holds a name to docker's grammar, which go-containerregistry reads more
// generously.
func named[T any](s string, parse func(string, ...name.Option) (T, error)) (T, error) {
	var none T
	if _, err := reference.ParseNormalizedNamed(s); err != nil {
		return none, &NameError{s, err}
	}
	out, err := parse(s, nameOptions(s)...)
	if err != nil {
		return none, &NameError{s, err}
	}
	return out, nil
}

func nameOptions(s string) []name.Option {
	if host, _, ok := strings.Cut(s, "/"); ok && plainHTTP(host) {
		return []name.Option{name.Insecure}
	}
	return nil
}

// IsLoopback reports whether HOST or HOST:PORT is this machine: an address of
// 127.0.0.0/8, ::1 or localhost. Names that only begin so are not.
func IsLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Options are for the functions of go-containerregistry's remote package:
// every request carries credentials, is sent again after an answer that may
// change, and goes over plain HTTP to this machine only and where a
// buildkitd.toml says so.
func (c Client) Options(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithAuthFromKeychain(c.keychain()), remote.WithTransport(c.transport()),
		// Retry sends requests again. The library begins uploads anew whose
		// body could not be sent again.
		remote.WithRetryPredicate(beginsAnew), remote.WithRetryStatusCodes(),
		remote.WithRetryBackoff(remote.Backoff{Duration: c.wait(), Factor: retryFactor, Jitter: 0.1, Steps: attempts}),
	}
}

// CheckPush asks whether a registry would take a push, before there is
// anything to push.
func (c Client) CheckPush(ctx context.Context, ref name.Reference) error {
	// The library's check knows no context.
	bounded := roundTrip(func(q *http.Request) (*http.Response, error) { return c.transport().RoundTrip(q.WithContext(ctx)) })
	return remote.CheckPushPermission(ref, c.keychain(), bounded)
}

func (c Client) keychain() authn.Keychain {
	if c.Keychain == nil {
		return authn.DefaultKeychain
	}
	return c.Keychain
}

func (c Client) wait() time.Duration {
	if c.Wait == 0 {
		return defaultWait
	}
	return c.Wait
}

func (c Client) transport() http.RoundTripper {
	next := c.Transport
	if next == nil {
		next = remote.DefaultTransport
	}
	return &Retry{Next: roundTrip(func(q *http.Request) (*http.Response, error) { return bounded(next, q) }), Wait: c.Wait}
}

// roundTrip is a function that sends a request.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A PlainHTTPError is a request without TLS that was not sent: a registry, a
// redirect or a token service that is not on this machine.
type PlainHTTPError struct{ Host string }

// Error names the host.
func (e *PlainHTTPError) Error() string {
	return fmt.Sprintf("%s is not asked over plain HTTP: only registries on this machine are, and those with http = true in a buildkitd.toml", e.Host)
}

// bounded sends a request where it may go, and bounds what is read into
// memory of the answer.
func bounded(next http.RoundTripper, q *http.Request) (*http.Response, error) {
	if q.URL.Scheme == "http" && !plainHTTP(q.URL.Host) {
		if q.Body != nil {
			_ = q.Body.Close()
		}
		return nil, &PlainHTTPError{q.URL.Host}
	}
	if err := CheckRedirects(q); err != nil {
		return nil, err
	}
	res, err := next.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	if q.Method == http.MethodGet {
		// For manifests of docker's schema 1, go-containerregistry believes
		// what this header says, and then compares it with the digest that
		// was asked for: any content would do for any digest.
		res.Header.Del("Docker-Content-Digest")
	}
	if !strings.Contains(q.URL.Path, "/blobs/") {
		res.Body = &limited{res.Body, MaxManifest, q.URL}
	}
	return res, nil
}

// maxRedirects is how often one request is redirected, as in net/http.
const maxRedirects = 10

// CheckRedirects refuses a request that was redirected too often.
// go-containerregistry's own check of redirects takes the place of the one in
// net/http, and goes round without end.
func CheckRedirects(q *http.Request) error {
	n := 0
	for r := q; r.Response != nil && r.Response.Request != nil; r = r.Response.Request {
		if n++; n > maxRedirects {
			return fmt.Errorf("%s redirected the request more than %d times", q.URL.Host, maxRedirects)
		}
	}
	return nil
}

// limited fails where there is more to read than allowed.
type limited struct {
	io.ReadCloser
	left int64
	from *url.URL
}

// Read implements io.Reader.
func (l *limited) Read(b []byte) (int, error) {
	if int64(len(b)) > l.left+1 {
		b = b[:l.left+1]
	}
	n, err := l.ReadCloser.Read(b)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("the answer of %s: %w", l.from.Redacted(), &TooLargeError{MaxManifest})
	}
	return n, err
}

// A TooLargeError is more than is read into memory.
type TooLargeError struct{ Limit int64 }

// Error gives the limit.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("it has more than the limit of %d bytes", e.Limit)
}

// beginsAnew reports whether an upload is to begin anew. The library asks it
// about errors of one request, which Retry has dealt with, and about those of
// whole uploads.
func beginsAnew(err error) bool {
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		return answer.Temporary() && answer.Request != nil && !replayable(answer.Request)
	}
	// What a transport returns names no URL yet.
	whole, ok := errors.AsType[*url.Error](err)
	if !ok {
		return false
	}
	_, lost := errors.AsType[*lostBodyError](whole.Err)
	return lost
}
