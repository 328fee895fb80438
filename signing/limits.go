package signing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/whittle-oci/whittle/builder/oci"
)

// Limits bound what one verification, or one look at what is attached before
// signing, takes from a registry or a layout that may be hostile. What is
// beyond them was not looked at: where that matters, the outcome is a
// LimitError, and never that the image is unsigned. A zero field has the
// default.
type Limits struct {
	Bytes   int64         // read in all, manifests and lists included; default 256 MiB
	Foreign int           // attached things that turn out not to be by the keys of the policy; default 1,000
	Time    time.Duration // in all; default 10 minutes
	Idle    time.Duration // that a registry may take for the next byte; default 30 seconds
}

func (l Limits) complete() Limits {
	if l.Bytes == 0 {
		l.Bytes = 256 << 20
	}
	if l.Foreign == 0 {
		l.Foreign = 1000
	}
	if l.Time == 0 {
		l.Time = 10 * time.Minute
	}
	if l.Idle == 0 {
		l.Idle = 30 * time.Second
	}
	return l
}

// A LimitError is an image of which not all that is attached was looked at. It
// does not say whether what is not there was signed.
type LimitError struct {
	Ref   string // "" where a part of it could not be read
	Limit string // what was passed: "more than 1000 attachments by others"
	Found string // what was found until then; may be ""
}

// Error says what could not be looked at, and why.
func (e *LimitError) Error() string {
	text := e.Limit
	if e.Ref != "" {
		text = fmt.Sprintf("%s: could not look at all that is attached: %s", e.Ref, text)
	}
	if e.Found != "" {
		text += "; until then, " + e.Found
	}
	return printable(text)
}

// A budget is what is left of the limits of one verification. Its methods are
// safe for concurrent use.
type budget struct {
	Limits
	mu      sync.Mutex
	bytes   int64
	foreign int
}

func newBudget(l Limits) *budget {
	l = l.complete()
	return &budget{Limits: l, bytes: l.Bytes, foreign: l.Foreign}
}

// take counts bytes that were read. There is no limit without a budget.
func (b *budget) take(n int64) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes -= n; b.bytes < 0 {
		return b.spent()
	}
	return nil
}

func (b *budget) spent() error {
	return &LimitError{Limit: fmt.Sprintf("it takes more than %d MiB in all", b.Bytes>>20)}
}

// room reports whether so many bytes may still be read.
func (b *budget) room(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return n <= b.bytes
}

// stranger counts one more thing that is not by the keys of the policy.
func (b *budget) stranger() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.foreign--
}

// crowded reports whether there were too many of those.
func (b *budget) crowded() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.foreign >= 0 {
		return nil
	}
	return &LimitError{Limit: fmt.Sprintf("more than %d attachments that are not by the given key", b.Foreign)}
}

// within limits what is read of the image from now on.
func (i Image) within(ctx context.Context, l Limits) (Image, *budget, context.Context, context.CancelFunc) {
	b := newBudget(l)
	ctx, cancel := context.WithTimeoutCause(ctx, b.Time, &LimitError{Limit: fmt.Sprintf("it takes longer than %s", b.Time)})
	if i.at != nil {
		i.at = i.at.within(b)
	}
	return i, b, ctx, cancel
}

// A meter counts what a registry sends, redirects, lists and errors included,
// and gives up a registry that sends nothing.
type meter struct {
	next http.RoundTripper
	*budget
}

// RoundTrip implements http.RoundTripper.
func (m *meter) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		return m.next.RoundTrip(q) // takes as long as there is to send
	}
	if err := oci.CheckRedirects(q); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(q.Context())
	idle := time.AfterFunc(m.Idle, func() {
		cancel(&LimitError{Limit: fmt.Sprintf("%s sent nothing for %s", q.URL.Host, m.Idle)})
	})
	res, err := m.next.RoundTrip(q.WithContext(ctx))
	if err != nil {
		idle.Stop()
		cancel(nil)
		return nil, because(ctx, err)
	}
	res.Body = &metered{res.Body, m.budget, ctx, func() { idle.Stop(); cancel(nil) }, idle}
	return res, nil
}

// because gives the limit that ended a request, if one did.
func because(ctx context.Context, err error) error {
	if limit, ok := errors.AsType[*LimitError](context.Cause(ctx)); ok {
		return limit
	}
	return err
}

// metered is the body of an answer.
type metered struct {
	io.ReadCloser
	*budget
	ctx  context.Context
	end  func()
	idle *time.Timer
}

// Read implements io.Reader.
func (m *metered) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if limit := m.take(int64(n)); limit != nil {
		return 0, limit
	}
	if n > 0 {
		m.idle.Reset(m.Idle)
	}
	if err != nil && err != io.EOF {
		err = because(m.ctx, err)
	}
	return n, err
}

// Close implements io.Closer.
func (m *metered) Close() error {
	m.end()
	return m.ReadCloser.Close()
}
