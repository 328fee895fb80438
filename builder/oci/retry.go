package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// How a registry that is busy or broken is asked again.
const (
	attempts      = 4                      // requests before an answer is believed
	defaultWait   = 200 * time.Millisecond // before the second
	retryFactor   = 3                      // each wait is that much longer, unless the registry says how long
	longestWait   = 20 * time.Second       // longer is reported instead of waited for
	maxErrorBytes = 64 << 10               // of an answer that is thrown away
)

// Retry is a transport that sends requests again when the registry is busy or
// fails for the moment, or when the connection breaks: the one retry policy
// for registries.
type Retry struct {
	Next     http.RoundTripper // nil for the default transport
	Wait     time.Duration     // before the second request; default 200 ms
	Attempts int               // requests in all; default 4
	Log      func(string)      // told about every repetition; may be nil
}

// RoundTrip implements http.RoundTripper.
func (r *Retry) RoundTrip(req *http.Request) (*http.Response, error) {
	next := r.Next
	if next == nil {
		next = http.DefaultTransport
	}
	most := r.Attempts
	if most == 0 {
		most = attempts
	}
	wait := r.Wait
	if wait == 0 {
		wait = defaultWait
	}
	for try := 1; ; try++ {
		res, err := next.RoundTrip(req)
		pause, again := after(res, err, wait)
		if !again || try == most || req.Context().Err() != nil {
			return res, err
		}
		fresh, ok := replay(req)
		if !ok {
			if err != nil {
				return nil, &lostBodyError{err}
			}
			return res, nil
		}
		r.say(req, res, err, pause)
		if res != nil {
			_, _ = io.CopyN(io.Discard, res.Body, maxErrorBytes)
			_ = res.Body.Close()
		}
		timer := time.NewTimer(pause)
		select {
		case <-req.Context().Done():
			timer.Stop()
			if fresh.Body != nil {
				_ = fresh.Body.Close()
			}
			return nil, context.Cause(req.Context())
		case <-timer.C:
		}
		req, wait = fresh, wait*retryFactor
	}
}

func (r *Retry) say(req *http.Request, res *http.Response, err error, pause time.Duration) {
	if r.Log == nil {
		return
	}
	what := fmt.Sprint(err)
	if res != nil {
		what = res.Status
	}
	r.Log(fmt.Sprintf("the registry %s answers %q, asking again in %s", req.URL.Host, what, pause))
}

// after tells how long to wait before the next request, and whether one may
// help.
func after(res *http.Response, err error, wait time.Duration) (time.Duration, bool) {
	wait += time.Duration(rand.Int64N(int64(wait)/10 + 1)) // apart from others that wait
	if err != nil {
		return wait, broken(err)
	}
	switch res.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0, false
	}
	// Seconds, or a date, which no registry is known to send.
	if seconds, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 16); err == nil {
		wait = time.Duration(seconds) * time.Second
	}
	return wait, wait <= longestWait
}

// broken reports whether a connection ended that was there, or did not answer
// in time.
func broken(err error) bool {
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF, syscall.EPIPE, syscall.ECONNRESET, net.ErrClosed} {
		if errors.Is(err, known) {
			return true
		}
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

// replayable reports whether a request can be sent again.
func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// replay is the request once more, false where its body cannot be had again.
func replay(req *http.Request) (*http.Request, bool) {
	if !replayable(req) {
		return nil, false
	}
	if req.GetBody == nil {
		return req, true
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	again := req.Clone(req.Context())
	again.Body = body
	return again, true
}

// A lostBodyError is a connection that broke while a body was sent that cannot
// be sent again.
type lostBodyError struct{ err error }

// Error is that of the connection.
func (e *lostBodyError) Error() string { return e.err.Error() }

// Unwrap returns it.
func (e *lostBodyError) Unwrap() error { return e.err }
