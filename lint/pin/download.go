package pin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// A download is what a URL gave, and what the server told it apart by.
type download struct {
	Checksum string    `json:"checksum"`
	ETag     string    `json:"etag,omitempty"`
	Modified string    `json:"modified,omitempty"`
	Seen     time.Time `json:"seen"`
}

// A sum is given once, to all who ask.
type sum struct {
	once     sync.Once
	checksum string
	err      error
}

const maxDownload = 8 << 30 // bytes

var (
	errPlain = errors.New("plain http: whoever is in between could choose the checksum; use https")
	errLarge = fmt.Errorf("more than %d bytes", int64(maxDownload))
)

// Checksum gives the checksum, sha256:…, of what BuildKit's ADD downloads from
// an https URL. What was downloaded before is downloaded again only when the
// server says that it is another. The timeout is for each piece that arrives.
// Errors are *Error.
func (r *Resolver) Checksum(ctx context.Context, address string) (string, error) {
	r.mu.Lock()
	if r.sums == nil {
		r.sums = map[string]*sum{}
	}
	a := r.sums[address]
	if a == nil {
		a = &sum{}
		r.sums[address] = a
	}
	r.mu.Unlock()
	a.once.Do(func() {
		if a.checksum, a.err = r.download(ctx, address); a.err != nil {
			a.err = downloadError(address, a.err, r.timeout())
		}
	})
	return a.checksum, a.err
}

func (r *Resolver) timeout() time.Duration { return cmp.Or(r.Timeout, defaultTimeout) }

func (r *Resolver) download(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	if u.Scheme != "https" {
		return "", errPlain
	}
	known, ok := r.Cache.download(address)
	if ok && (r.Offline || time.Since(known.Seen) < r.Fresh) {
		return known.Checksum, nil
	}
	if r.Offline {
		return "", errOffline
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(r.timeout(), func() { cancel(errTimeout) })
	defer late.Stop()
	got, err := r.get(ctx, address, known, func() { late.Reset(r.timeout()) })
	if cause := context.Cause(ctx); cause != nil {
		// Even without an error: a server that sees the connection go may end
		// what it sends as if that were all.
		err = cause
	}
	if err != nil {
		return "", err
	}
	r.Cache.putDownload(address, got)
	return got.Checksum, nil
}

// get asks for a URL. Encodings are left to the transport, as BuildKit leaves
// them, so that both see the same bytes. alive is called for each piece.
func (r *Resolver) get(ctx context.Context, address string, known download, alive func()) (download, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return download{}, err
	}
	req.Header.Set("User-Agent", "whittle")
	switch {
	case known.ETag != "":
		req.Header.Set("If-None-Match", known.ETag)
	case known.Modified != "":
		req.Header.Set("If-Modified-Since", known.Modified)
	}
	client := http.Client{Transport: r.Client.Transport, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		switch {
		case req.URL.Scheme != "https":
			return errPlain
		case len(via) >= 10:
			return errors.New("more than 10 redirects")
		}
		return nil
	}}
	res, err := client.Do(req)
	if err != nil {
		return download{}, err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusNotModified:
		return known, nil
	case http.StatusOK:
	default:
		return download{}, status(res.StatusCode)
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(reader{res.Body, alive}, maxDownload+1))
	if err != nil {
		return download{}, err
	}
	if n > maxDownload {
		return download{}, errLarge
	}
	return download{Checksum: "sha256:" + hex.EncodeToString(h.Sum(nil)), ETag: res.Header.Get("ETag"), Modified: res.Header.Get("Last-Modified")}, nil
}

// A reader says that something arrived.
type reader struct {
	io.Reader
	alive func()
}

// Read implements io.Reader.
func (r reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.alive()
	}
	return n, err
}

// A status is an answer that holds nothing.
type status int

func (s status) Error() string { return fmt.Sprintf("HTTP status %d", int(s)) }

// downloadError puts into words why a URL gave nothing.
func downloadError(address string, err error, timeout time.Duration) *Error {
	host := "the server"
	if u, bad := url.Parse(address); bad == nil {
		address, host = u.Redacted(), u.Host
	}
	code, answered := errors.AsType[status](err)
	failed, isURL := errors.AsType[*url.Error](err)
	switch {
	case errors.Is(err, errPlain):
		return &Error{address, errPlain.Error(), nil}
	case errors.Is(err, errOffline):
		return &Error{address, "not in the cache, and --offline asks nobody", nil}
	case errors.Is(err, errTimeout):
		return &Error{address, fmt.Sprintf("nothing came from %s for %v", host, timeout), nil}
	case errors.Is(err, context.Canceled):
		return &Error{address, "interrupted", err}
	case answered && code == http.StatusNotFound:
		return &Error{address, host + " does not have it", nil}
	case answered && (code == http.StatusUnauthorized || code == http.StatusForbidden):
		return &Error{address, host + " does not give it to everyone", nil}
	case answered:
		return &Error{address, fmt.Sprintf("%s answered %d", host, int(code)), nil}
	case isURL:
		return &Error{address, host + " cannot be reached", failed.Err}
	}
	return &Error{address, "downloading", err}
}
