package oci_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/builder/oci"
)

// answers is a server that gives one status after the other, the last one for
// ever, and keeps what it was sent. The status 0 breaks the connection.
func answers(t *testing.T, header http.Header, codes ...int) (url string, bodies *[]string) {
	t.Helper()
	bodies = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		code := codes[min(len(*bodies), len(codes)-1)]
		*bodies = append(*bodies, string(body))
		if code == 0 {
			panic(http.ErrAbortHandler)
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(code)
	}))
	t.Cleanup(s.Close)
	return s.URL, bodies
}

// watched counts the answers that were given to a client and closed by it.
type watched struct{ given, closed int }

func (c *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		c.given++
		res.Body = &closing{res.Body, c}
	}
	return res, err
}

type closing struct {
	io.ReadCloser
	c *watched
}

func (b *closing) Close() error {
	b.c.closed++
	return b.ReadCloser.Close()
}

func TestRetry(t *testing.T) {
	for _, tc := range []struct {
		name   string
		codes  []int
		header http.Header
		body   io.Reader
		want   int // status in the end, 0 for an error
		tries  int
	}{
		{"good", []int{200}, nil, nil, 200, 1},
		{"busy", []int{429, 200}, nil, nil, 200, 2},
		{"busy three times", []int{429, 429, 429, 200}, nil, nil, 200, 4},
		{"busy for ever", []int{429}, nil, nil, 429, 4},
		{"failing", []int{503, 200}, nil, nil, 200, 2},
		{"broken", []int{502}, nil, nil, 502, 4},
		{"unknown", []int{404, 200}, nil, nil, 404, 1},
		{"unauthorized", []int{401, 200}, nil, nil, 401, 1},
		{"forbidden", []int{403, 200}, nil, nil, 403, 1},
		{"hung up", []int{0, 200}, nil, nil, 200, 2},
		{"hung up for ever", []int{0}, nil, nil, 0, 4},
		{"busy for now", []int{429, 200}, http.Header{"Retry-After": {"0"}}, nil, 200, 2},
		{"busy for long", []int{429, 200}, http.Header{"Retry-After": {"3600"}}, nil, 429, 1},
		{"busy until a date", []int{429, 200}, http.Header{"Retry-After": {"Fri, 31 Dec 1999 23:59:59 GMT"}}, nil, 200, 2},
		{"a body that can be sent again", []int{503, 200}, nil, strings.NewReader("manifest"), 200, 2},
		{"a body that can be sent again, hung up", []int{0, 200}, nil, strings.NewReader("manifest"), 200, 2},
		{"a body that cannot", []int{503, 200}, nil, io.MultiReader(strings.NewReader("manifest")), 503, 1},
		{"a body that cannot, hung up", []int{0, 200}, nil, io.MultiReader(strings.NewReader("manifest")), 0, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url, bodies := answers(t, tc.header, tc.codes...)
			// No connection is used again, so that the client of net/http
			// does not send anything again itself.
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			req.Close = true
			count := &watched{}
			res, err := (&oci.Retry{Next: count, Wait: time.Millisecond}).RoundTrip(req)
			if (res == nil) != (err != nil) || (err != nil) != (tc.want == 0) {
				t.Fatalf("response %v with error %v", res, err)
			}
			if res != nil {
				if res.StatusCode != tc.want {
					t.Errorf("status %d, want %d", res.StatusCode, tc.want)
				}
				_ = res.Body.Close()
			}
			if len(*bodies) != tc.tries {
				t.Errorf("%d tries, want %d", len(*bodies), tc.tries)
			}
			for _, body := range *bodies {
				if tc.body != nil && body != "manifest" {
					t.Errorf("it sent %q", body)
				}
			}
			if count.given != count.closed {
				t.Errorf("%d of %d answers were closed", count.closed, count.given)
			}
		})
	}
}

// TestRetryLostBody gives the registry's answer where a body that should be
// there again is not: a response and an error never come together.
func TestRetryLostBody(t *testing.T) {
	url, _ := answers(t, nil, 503, 200)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, bytes.NewReader([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	req.GetBody = func() (io.ReadCloser, error) { return nil, errors.New("gone") }
	count := &watched{}
	res, err := (&oci.Retry{Next: count, Wait: time.Millisecond}).RoundTrip(req)
	if err != nil || res.StatusCode != 503 {
		t.Fatalf("%v, %v", res, err)
	}
	_ = res.Body.Close()
	if count.given != 1 || count.closed != 1 {
		t.Errorf("%+v", count)
	}
}

// TestRetryInterrupted does not wait for a registry when nobody waits for the
// answer.
func TestRetryInterrupted(t *testing.T) {
	url, bodies := answers(t, http.Header{"Retry-After": {"20"}}, 429)
	stop := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
	count := &watched{}
	res, err := (&oci.Retry{Next: count}).RoundTrip(req)
	if res != nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, stop) || len(*bodies) != 1 || count.closed != 1 {
		t.Errorf("%v after %d tries, %d closed", err, len(*bodies), count.closed)
	}
}
