package signing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/signing"
)

// failing answers with a code while it is set, except for the first contact.
func failing(code *atomic.Int32, asked *atomic.Int32) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c := code.Load(); c != 0 && r.URL.Path != "/v2/" {
				asked.Add(1)
				w.WriteHeader(int(c))
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

// TestRegistryAnswers checks that a registry that cannot be asked never counts
// as an unsigned image, and that it is asked again where that may help.
func TestRegistryAnswers(t *testing.T) {
	for _, c := range []struct {
		code  int
		want  string
		again bool
	}{
		{http.StatusUnauthorized, "the registry wants to know who asks", false},
		{http.StatusForbidden, "the registry does not allow it", false},
		{http.StatusNotFound, "the registry does not have it", false},
		{http.StatusTooManyRequests, "the registry asks to come back later", true},
		{http.StatusInternalServerError, "the registry failed", true},
		{http.StatusServiceUnavailable, "the registry failed", true},
	} {
		t.Run(http.StatusText(c.code), func(t *testing.T) {
			var code, asked atomic.Int32
			host := serve(t, true, failing(&code, &asked))
			index, _ := push(t, host+"/app")
			key, pub := keys(t)
			sign(t, index, signing.Options{Signer: key})
			code.Store(int32(c.code))
			_, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)})
			if !errors.As(err, new(*signing.RegistryError)) || why(err) != "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("verifying: %v, want %q", err, c.want)
			}
			if again := asked.Load() > 1; again != c.again {
				t.Errorf("asked %d times, want more than once: %v", asked.Load(), c.again)
			}
			if _, err := signing.Sign(t.Context(), open(t, index), signing.Options{Signer: key}); !errors.As(err, new(*signing.RegistryError)) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("signing: %v, want %q", err, c.want)
			}
			if err := signing.CheckPush(t.Context(), index, quick); !errors.As(err, new(*signing.RegistryError)) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("asking to push: %v, want %q", err, c.want)
			}
		})
	}
}

// TestReferrersDoNotAnswer fails the listing alone: there may be signatures.
func TestReferrersDoNotAnswer(t *testing.T) {
	for _, part := range []string{"/referrers/", ".sig"} {
		var broken atomic.Bool
		host := serve(t, true, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if broken.Load() && strings.Contains(r.URL.Path, part) {
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				h.ServeHTTP(w, r)
			})
		})
		index, _ := push(t, host+"/app")
		_, pub := keys(t)
		broken.Store(true)
		if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)}); !errors.As(err, new(*signing.RegistryError)) || why(err) != "" || !strings.Contains(err.Error(), "looking for signatures") {
			t.Errorf("%s: %v", part, err)
		}
	}
}

// TestBusyRegistry has every request answered badly once before it is served.
func TestBusyRegistry(t *testing.T) {
	for _, code := range []int{http.StatusTooManyRequests, http.StatusBadGateway, 0} {
		for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
			var on atomic.Bool
			var mu sync.Mutex
			refused := map[string]bool{}
			host := serve(t, false, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					path, _, _ := strings.Cut(r.URL.Path, "/uploads/") // what follows is new each time
					id := r.Method + path
					first := on.Load() && !refused[id] && r.URL.Path != "/v2/"
					refused[id] = true
					mu.Unlock()
					if !first {
						h.ServeHTTP(w, r)
						return
					}
					if code != 0 {
						w.WriteHeader(code)
						return
					}
					conn, _, err := w.(http.Hijacker).Hijack()
					if err == nil {
						conn.Close() // the connection is lost
					}
				})
			})
			index, _ := push(t, host+"/app")
			key, pub := keys(t)
			on.Store(true)
			o := signing.Options{Signer: key, Format: format}
			if _, err := signing.Sign(t.Context(), open(t, index), o); err != nil {
				t.Errorf("%d, %s: signing: %v", code, format, err)
				continue
			}
			if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)}); err != nil {
				t.Errorf("%d, %s: verifying: %v", code, format, err)
			}
		}
	}
}

func TestNoRegistry(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	host := strings.TrimPrefix(s.URL, "http://")
	s.Close()
	ref, err := name.ParseReference(host + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signing.OpenRegistry(t.Context(), ref, quick); err == nil || !strings.Contains(err.Error(), "the registry could not be reached") {
		t.Errorf("resolving: %v", err)
	}
	if err := signing.CheckPush(t.Context(), ref, quick); err == nil || !strings.Contains(err.Error(), "the registry could not be reached") {
		t.Errorf("asking to push: %v", err)
	}
}

// TestCheckPushEnds ends with its context although the registry is silent.
func TestCheckPushEnds(t *testing.T) {
	silent := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer s.Close()
	defer close(silent)
	ref, err := name.ParseReference(strings.TrimPrefix(s.URL, "http://") + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := signing.CheckPush(ctx, ref, quick); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestTogether attests eight predicates of one image at the same time. Without
// the referrers API, and in the older format, the writers share a tag.
func TestTogether(t *testing.T) {
	const writers = 8
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		for _, referrers := range []bool{true, false} {
			index, _ := push(t, serve(t, referrers, nil)+"/app")
			key, pub := keys(t)
			o := signing.Options{Signer: key, Format: format}
			sign(t, index, o)
			img := open(t, index)
			var wanted []string
			var wg sync.WaitGroup
			for i := range writers {
				kind := fmt.Sprintf("https://example.test/%d", i)
				wanted = append(wanted, kind)
				wg.Go(func() {
					if _, err := signing.AttestPredicate(t.Context(), img, o, kind, []byte("{}")); err != nil {
						t.Errorf("%s, %v: %v", format, referrers, err)
					}
				})
			}
			wg.Wait()
			if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub), Attestations: kinds(wanted...)}); err != nil {
				t.Errorf("%s, referrers API %v: %v", format, referrers, err)
			}
		}
	}
}

// TestUndone has another writer put back the list that it read before our entry
// was in it, after we have seen our entry there.
func TestUndone(t *testing.T) {
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		var on, written, undone atomic.Bool
		host := serve(t, false, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(w, r)
				if !on.Load() || !strings.Contains(r.URL.Path, "/manifests/sha256-") {
					return
				}
				if r.Method == http.MethodPut {
					written.Store(true)
				} else if r.Method == http.MethodHead && written.Load() && !undone.Swap(true) {
					gone := httptest.NewRequest(http.MethodDelete, r.URL.Path, nil)
					rec := httptest.NewRecorder()
					if h.ServeHTTP(rec, gone); rec.Code >= 300 {
						t.Errorf("taking the list back: %d %s", rec.Code, rec.Body)
					}
				}
			})
		})
		index, _ := push(t, host+"/app")
		key, pub := keys(t)
		on.Store(true)
		img := open(t, index)
		if _, err := signing.AttestPredicate(t.Context(), img, signing.Options{Signer: key, Format: format}, "https://example.test/a", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		on.Store(false)
		if !undone.Load() {
			t.Fatalf("%s: nothing was undone, so nothing is tested", format)
		}
		sign(t, index, signing.Options{Signer: key, Format: format})
		if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub), Attestations: kinds("https://example.test/a")}); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// copied puts an index into another repository by digest alone.
func copied(t *testing.T, from name.Digest, repo string) name.Repository {
	t.Helper()
	src, err := remote.Index(from)
	if err != nil {
		t.Fatal(err)
	}
	to, err := name.NewRepository(repo)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(to.Digest(from.DigestStr()), src); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestSignThenTag publishes to two repositories. Where the signature is
// refused in one of them, neither has a tag.
func TestSignThenTag(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		var on atomic.Bool
		host := serve(t, true, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if on.Load() && r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v2/b/app/blobs/uploads") {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				h.ServeHTTP(w, r)
			})
		})
		pushed, _ := push(t, host+"/built")
		a, b := copied(t, pushed, host+"/a/app"), copied(t, pushed, host+"/b/app")
		key, pub := keys(t)
		on.Store(refuse)
		tags := []name.Tag{b.Tag("1"), a.Tag("1"), a.Tag("latest")}
		results, err := signing.SignThenTag(t.Context(), signing.SignThenTagRequest{Digest: pushed.DigestStr(), Tags: tags, Client: quick, Options: signing.Options{Signer: key}})
		if refuse {
			if !errors.As(err, new(*signing.RegistryError)) {
				t.Errorf("a refused signature: %v", err)
			}
			for _, tag := range tags {
				if _, err := remote.Head(tag); err == nil {
					t.Errorf("%s is there although signing failed", tag)
				}
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(results) != 2 || len(results[0].Signed) != 5 || len(results[0].Attested) != 6 {
			t.Errorf("got %+v", results)
		}
		for _, tag := range tags {
			p := signing.Policy{Signers: by(t, pub), Attestations: kinds(signing.SPDXPredicate, provenance, contents)}
			if _, err := signing.Verify(t.Context(), open(t, tag), p); err != nil {
				t.Errorf("%s: %v", tag, err)
			}
		}
	}
}
