package oci_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/builder/oci"
)

var quick = oci.Client{Wait: time.Millisecond}

// serve runs a handler and gives its HOST:PORT.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func newRegistry() http.Handler {
	return registry.New(registry.Logger(log.New(io.Discard, "", 0)))
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:5000": true, "127.9.8.7:5000": true, "localhost": true, "localhost:5000": true, "LOCALHOST:1": true,
		"[::1]:5000": true, "[::1]": true, "::1": true, "[::ffff:127.0.0.1]:5000": true,
		"127.example.com": false, "127.example.com:5000": false, "127.0.0.1.example.com": false, "localhost.example.com": false, "localhost.local:80": false,
		"10.0.0.1:5000": false, "192.168.1.2": false, "registry.local:5000": false, "0.0.0.0:5000": false, "": false, "[fe80::1]:5000": false, "mylocalhost:5000": false,
	} {
		if got := oci.IsLoopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
		if host == "" || !strings.Contains(host, ".") && !strings.Contains(host, ":") && host != "localhost" || host == "::1" || strings.Contains(host, "ffff") {
			continue // not the name of a registry
		}
		ref, err := oci.ParseName(host + "/app:1")
		if err != nil {
			t.Errorf("%q: %v", host, err)
		} else if want && ref.Context().Scheme() != "http" {
			t.Errorf("%q is asked over %s", host, ref.Context().Scheme())
		}
	}
}

// recorded keeps which URLs a client asks for, and answers none.
type recorded struct{ urls chan string }

func (r recorded) RoundTrip(q *http.Request) (*http.Response, error) {
	r.urls <- q.URL.String()
	return nil, errors.New("nobody there")
}

// TestPlainHTTP asks registries that the library would ask without TLS.
func TestPlainHTTP(t *testing.T) {
	for _, host := range []string{"127.example.com:5000", "10.0.0.1:5000", "registry.local:5000", "localhost.localhost:5000"} {
		t.Run(host, func(t *testing.T) {
			ref, err := oci.ParseName(host + "/app:1")
			if err != nil {
				t.Fatal(err)
			}
			r := recorded{make(chan string, 10)}
			_, err = remote.Get(ref, oci.Client{Transport: r, Wait: time.Millisecond}.Options(t.Context())...)
			if err == nil {
				t.Fatal("no error")
			}
			close(r.urls)
			for u := range r.urls {
				if !strings.HasPrefix(u, "https://") {
					t.Errorf("it asked %s", u)
				}
			}
		})
	}
}

// TestPlainHTTPToken does not send credentials to a token service without TLS.
func TestPlainHTTPToken(t *testing.T) {
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://tokens.example.com/token",service="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	ref, err := oci.ParseName(host + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = remote.Get(ref, quick.Options(t.Context())...)
	if refused, ok := errors.AsType[*oci.PlainHTTPError](err); !ok || refused.Host != "tokens.example.com" {
		t.Errorf("%v", err)
	}
}

// TestLargeAnswer bounds what a registry makes a client read into memory.
func TestLargeAnswer(t *testing.T) {
	var sent atomic.Int64
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		block := []byte(strings.Repeat(" ", 1<<20))
		for range 100 {
			n, err := w.Write(block)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	ref, err := oci.ParseName(host + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = remote.Get(ref, quick.Options(t.Context())...)
	if _, ok := errors.AsType[*oci.TooLargeError](err); !ok {
		t.Errorf("%v", err)
	}
	if n := sent.Load(); n > 40<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

// TestUploadBeginsAnew breaks an upload whose body cannot be sent again.
func TestUploadBeginsAnew(t *testing.T) {
	for _, how := range []string{"status", "connection"} {
		t.Run(how, func(t *testing.T) {
			var uploads atomic.Int64
			reg := newRegistry()
			host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPatch && uploads.Add(1) == 1 {
					if how == "status" {
						w.WriteHeader(http.StatusServiceUnavailable)
						return
					}
					panic(http.ErrAbortHandler)
				}
				reg.ServeHTTP(w, r)
			}))
			img, err := random.Image(1<<16, 1)
			if err != nil {
				t.Fatal(err)
			}
			tag, err := oci.ParseTag(host + "/app:1")
			if err != nil {
				t.Fatal(err)
			}
			if err := remote.Write(tag, img, quick.Options(t.Context())...); err != nil {
				t.Fatal(err)
			}
			if n := uploads.Load(); n < 2 || n > 4 {
				t.Errorf("%d uploads", n)
			}
			if _, err := remote.Image(tag, quick.Options(t.Context())...); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAttempts counts what reaches a registry that is broken for good: the
// library and Retry must not multiply.
func TestAttempts(t *testing.T) {
	var asked, put atomic.Int64
	reg := newRegistry()
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/"):
			put.Add(1)
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/"):
			asked.Add(1)
		default:
			reg.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	img, err := random.Image(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := oci.ParseTag(host + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, img, quick.Options(t.Context())...); err == nil || put.Load() != 4 {
		t.Errorf("%v after %d tries", err, put.Load())
	}
	if _, err := remote.Get(tag, quick.Options(t.Context())...); err == nil || asked.Load() != 4 {
		t.Errorf("%v after %d tries", err, asked.Load())
	}
}

func TestCheckPush(t *testing.T) {
	host := serve(t, newRegistry())
	ref, err := oci.ParseName(host + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := quick.CheckPush(t.Context(), ref); err != nil {
		t.Error(err)
	}
	gone, err := oci.ParseName("127.0.0.1:1/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := quick.CheckPush(t.Context(), gone); err == nil {
		t.Error("nobody listens there")
	}
}
