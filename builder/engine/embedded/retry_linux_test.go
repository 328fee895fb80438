package embedded

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

// answers is a server that gives one status after the other, the last one for
// ever, and keeps what it was sent.
func answers(t *testing.T, header http.Header, codes ...int) (url string, bodies *[]string) {
	t.Helper()
	bodies = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		code := codes[min(len(*bodies), len(codes)-1)]
		*bodies = append(*bodies, string(body))
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(code)
	}))
	t.Cleanup(s.Close)
	return s.URL, bodies
}

func silent() logrus.FieldLogger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return l
}

func TestPatient(t *testing.T) {
	for _, tc := range []struct {
		name   string
		codes  []int
		header http.Header
		body   io.Reader
		want   int // status in the end
		tries  int
	}{
		{"good", []int{200}, nil, nil, 200, 1},
		{"busy", []int{429, 200}, nil, nil, 200, 2},
		{"busy twice", []int{429, 429, 200}, nil, nil, 200, 3},
		{"busy for ever", []int{429}, nil, nil, 429, 3},
		{"failing", []int{503, 200}, nil, nil, 200, 2},
		{"broken", []int{502}, nil, nil, 502, 2},
		{"unknown", []int{404, 200}, nil, nil, 404, 1},
		{"unauthorised", []int{401, 200}, nil, nil, 401, 1},
		{"forbidden", []int{403, 200}, nil, nil, 403, 1},
		{"busy for now", []int{429, 200}, http.Header{"Retry-After": {"0"}}, nil, 200, 2},
		{"busy for long", []int{429, 200}, http.Header{"Retry-After": {"3600"}}, nil, 429, 1},
		{"busy until a date", []int{429, 200}, http.Header{"Retry-After": {"Fri, 31 Dec 1999 23:59:59 GMT"}}, nil, 200, 2},
		{"a body that can be sent again", []int{503, 200}, nil, strings.NewReader("manifest"), 200, 2},
		{"a body that cannot", []int{503, 200}, nil, io.MultiReader(strings.NewReader("manifest")), 503, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url, bodies := answers(t, tc.header, tc.codes...)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			res, err := (&http.Client{Transport: &patient{nil, time.Millisecond, silent()}}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != tc.want || len(*bodies) != tc.tries {
				t.Errorf("status %d after %d tries, want %d after %d", res.StatusCode, len(*bodies), tc.want, tc.tries)
			}
			for _, body := range *bodies {
				if tc.body != nil && body != "manifest" {
					t.Errorf("it sent %q", body)
				}
			}
		})
	}
}

// TestPatientInterrupted does not wait for a registry when nobody waits for
// the build.
func TestPatientInterrupted(t *testing.T) {
	url, bodies := answers(t, http.Header{"Retry-After": {"20"}}, 429)
	stop := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
	res, err := (&http.Client{Transport: &patient{nil, time.Millisecond, silent()}}).Do(req)
	if err == nil {
		res.Body.Close()
	}
	if !errors.Is(err, stop) || len(*bodies) != 1 {
		t.Errorf("%v after %d tries", err, len(*bodies))
	}
}
