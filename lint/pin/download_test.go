package pin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/lint/pin"
	"github.com/whittle-oci/whittle/lint/source"
)

// The checksums of what the server gives.
const (
	sumA = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" // a
	sumB = "sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d" // b
)

// files serves /file over TLS, as version says, and counts how often it is sent.
func files(t *testing.T) (s *httptest.Server, version *atomic.Value, sent *atomic.Int32) {
	t.Helper()
	version, sent = &atomic.Value{}, &atomic.Int32{}
	version.Store("a")
	mux := http.NewServeMux()
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		tag := `"` + version.Load().(string) + `"`
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent.Add(1)
		fmt.Fprint(w, version.Load())
	})
	mux.HandleFunc("/private", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	mux.Handle("/plain", http.RedirectHandler("http://example.test/file", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "a")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s, version, sent
}

func TestChecksum(t *testing.T) {
	s, version, sent := files(t)
	file := filepath.Join(t.TempDir(), "cache.json")
	ask := func(change func(*pin.Resolver)) (string, error) {
		r := &pin.Resolver{Client: oci.Client{Transport: s.Client().Transport}, Cache: pin.NewCache(file)}
		if change != nil {
			change(r)
		}
		got, err := r.Checksum(t.Context(), s.URL+"/file")
		if err := r.Cache.Save(); err != nil {
			t.Fatal(err)
		}
		return got, err
	}
	for _, step := range []struct {
		name   string
		change func(*pin.Resolver)
		want   string
		sent   int32 // in all, after it
	}{
		{"first", nil, sumA, 1},
		{"not sent again", nil, sumA, 1},
		{"another", func(*pin.Resolver) { version.Store("b") }, sumB, 2},
		{"fresh enough", func(r *pin.Resolver) { version.Store("a"); r.Fresh = time.Hour }, sumB, 2},
		{"offline", func(r *pin.Resolver) { r.Offline = true }, sumB, 2},
	} {
		if got, err := ask(step.change); got != step.want || err != nil || sent.Load() != step.sent {
			t.Errorf("%s: got %s (%v), sent %d times", step.name, got, err, sent.Load())
		}
	}
	for path, want := range map[string]string{
		"/none":    "does not have it",
		"/private": "does not give it to everyone",
		"/plain":   "use https",
		"/loop":    "more than 10 redirects",
		"/slow":    "nothing came from",
	} {
		r := &pin.Resolver{Client: oci.Client{Transport: s.Client().Transport}, Timeout: 200 * time.Millisecond}
		if got, err := r.Checksum(t.Context(), s.URL+path); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), s.URL+path+": ") {
			t.Errorf("%s: got %s, %v, want %s", path, got, err, want)
		}
	}
	r := &pin.Resolver{Offline: true}
	for address, want := range map[string]string{"http://example.test/a": "use https", "https://user:pass@example.test/a": "https://user:xxxxx@example.test/a: not in the cache"} {
		if _, err := r.Checksum(context.Background(), address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}

// TestFileDownloads writes checksums where ADD downloads.
func TestFileDownloads(t *testing.T) {
	s, _, _ := files(t)
	text := strings.ReplaceAll(`FROM scratch
ARG V=1
ADD URL/file /a
ADD --chmod=644 --checksum=`+sumB+` \
  URL/file /b
ADD URL/file URL/file /c/
ADD URL/file?$V /d
ADD http://example.test/file /e
# whittle ignore=add-without-checksum
ADD URL/file /f
ADD https://example.test/x.git /g
ADD URL/none /h
`, "URL", s.URL)
	file := func(mode pin.Mode) (string, string) {
		r := &pin.Resolver{Client: oci.Client{Transport: s.Client().Transport}}
		out, results, err := r.File(t.Context(), source.NewFile("Dockerfile", []byte(text)), mode)
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, x := range results {
			said += fmt.Sprintf("%d %s %s\n", x.Pos.Line, x.Kind, x.Status)
		}
		return string(out), said
	}
	out, said := file(pin.Check)
	if d := cmp.Diff("3 ADD unpinned\n5 ADD stale\n6 ADD left\n6 ADD left\n7 ADD left\n8 ADD left\n10 ADD left\n12 ADD failed\n", said); d != "" || out != text {
		t.Error(d)
	}
	added := strings.Replace(text, "ADD "+s.URL+"/file /a", "ADD --checksum="+sumA+" "+s.URL+"/file /a", 1)
	out, _ = file(pin.Add)
	if d := cmp.Diff(added, out); d != "" {
		t.Error(d)
	}
	out, said = file(pin.Update)
	if d := cmp.Diff(strings.Replace(added, sumB, sumA, 1), out); d != "" || !strings.HasPrefix(said, "3 ADD pinned\n5 ADD updated\n") {
		t.Errorf("%s\n%s", d, said)
	}
}

// A cutOff answers with a body that ends without an error when nobody waits for
// it any more.
type cutOff struct{}

// RoundTrip implements http.RoundTripper.
func (cutOff) RoundTrip(r *http.Request) (*http.Response, error) {
	read, write := io.Pipe()
	go func() {
		<-r.Context().Done()
		write.Close()
	}()
	return &http.Response{StatusCode: http.StatusOK, Body: read, Request: r}, nil
}

// TestChecksumOfPart takes no part of a file for all of it.
func TestChecksumOfPart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.json")
	r := &pin.Resolver{Client: oci.Client{Transport: cutOff{}}, Timeout: 10 * time.Millisecond, Cache: pin.NewCache(file)}
	if got, err := r.Checksum(t.Context(), "https://example.test/file"); err == nil || !strings.Contains(err.Error(), "nothing came from") {
		t.Errorf("got %s, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	r = &pin.Resolver{Client: oci.Client{Transport: cutOff{}}, Cache: pin.NewCache(file)}
	if got, err := r.Checksum(ctx, "https://example.test/file"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %s, %v", got, err)
	}
}
