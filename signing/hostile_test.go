package signing_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/signing"
)

// attachRaw attaches bytes as a bundle.
func attachRaw(t testing.TB, d name.Digest, bundle []byte) {
	t.Helper()
	subject, err := remote.Head(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := signing.AttachRaw(t.Context(), open(t, d), *subject, bundle); err != nil {
		t.Fatal(err)
	}
}

func limited(err error) bool {
	var limit *signing.LimitError
	if !errors.As(err, &limit) {
		return false
	}
	_, failed := err.(interface{ ExitCode() int })
	return !failed // the code of what did not finish
}

// TestForeignLimit has a stranger attach more than is looked at.
func TestForeignLimit(t *testing.T) {
	index, _ := push(t, serve(t, true, nil)+"/app")
	key, pub := keys(t)
	policy := signing.Policy{Signers: by(t, pub), Limits: signing.Limits{Foreign: 5}}
	for i := range 5 {
		attachRaw(t, index, fmt.Appendf(nil, "junk %d", i))
	}
	if _, err := verify(t.Context(), t, index, policy); why(err) != signing.Unsigned {
		t.Errorf("as many as are looked at: %v", err)
	}
	for i := range 10 { // a few are looked at together
		attachRaw(t, index, fmt.Appendf(nil, "more junk %d", i))
	}
	if _, err := verify(t.Context(), t, index, policy); !limited(err) || !strings.Contains(err.Error(), "more than 5 attachments that are not by the given key; until then, there is no signature") {
		t.Errorf("ten more: %v", err)
	}
	// What comes in time counts, and what does not is not missing.
	for i := range 20 {
		sign(t, index, signing.Options{Signer: key, Annotations: map[string]string{"n": fmt.Sprint(i)}})
	}
	policy.Limits.Foreign = 15
	if got, err := verify(t.Context(), t, index, policy); err != nil || got.Signatures != 20 {
		t.Errorf("beside twenty of ours: %+v, %v", got, err)
	}
	policy.Attestations = kinds(contents)
	if _, err := verify(t.Context(), t, index, policy); why(err) != signing.Unattested {
		t.Errorf("an attestation that is missing: %v", err)
	}
	policy.Limits.Foreign = 5
	if _, err := verify(t.Context(), t, index, policy); !limited(err) {
		t.Errorf("an attestation that may be missing: %v", err)
	}
}

// flood is a registry that has, besides what was pushed, referrers of every
// digest whose bundles are large, or answer slowly, or not at all.
type flood struct {
	n, size, page int
	blob          func(w http.ResponseWriter, r *http.Request, size int) // nil sends size bytes

	on        atomic.Bool
	sent      atomic.Int64 // bytes of bundles
	asked     atomic.Int64 // pages
	hash      v1.Hash      // of a bundle
	manifests map[string][]byte
	list      []string // entries of the list of referrers
}

// zeros are size bytes that JSON does not begin with.
func zeros(w io.Writer, size int) (sent int64) {
	some := make([]byte, 1<<16)
	for left := size; left > 0; left -= len(some) {
		n, err := w.Write(some[:min(left, len(some))])
		if sent += int64(n); err != nil {
			break
		}
	}
	return sent
}

func (f *flood) serve(t testing.TB) string {
	t.Helper()
	h := sha256.New()
	zeros(h, f.size)
	f.hash = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
	f.manifests = map[string][]byte{}
	for i := range f.n {
		m := fmt.Appendf(nil, `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":%q},"layers":[{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","size":%d,"digest":%q}],"annotations":{"n":"%d"}}`, f.hash, f.size, f.hash, i)
		d, n, err := v1.SHA256(bytes.NewReader(m))
		if err != nil {
			t.Fatal(err)
		}
		f.manifests[d.String()] = m
		f.list = append(f.list, fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":%d,"digest":%q}`, n, d))
	}
	return serve(t, true, func(real http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, path, _ := strings.Cut(r.URL.Path, "/app/")
			kind, id, _ := strings.Cut(path, "/")
			m, ours := f.manifests[id]
			switch {
			case !f.on.Load():
				real.ServeHTTP(w, r)
			case kind == "referrers":
				f.referrers(w, r, real)
			case kind == "manifests" && ours:
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				_, _ = w.Write(m)
			case kind == "blobs" && id == f.hash.String() && f.blob != nil:
				f.blob(w, r, f.size)
			case kind == "blobs" && id == f.hash.String():
				f.sent.Add(zeros(w, f.size))
			default:
				real.ServeHTTP(w, r)
			}
		})
	})
}

// referrers lists its own first, a page at a time, and then the real ones.
func (f *flood) referrers(w http.ResponseWriter, r *http.Request, real http.Handler) {
	f.asked.Add(1)
	var from int
	_, _ = fmt.Sscanf(r.URL.RawQuery, "from=%d", &from)
	entries := f.list[from:min(from+f.page, f.n)]
	if from+f.page < f.n {
		w.Header().Set("Link", fmt.Sprintf(`<%s?from=%d>; rel="next"`, r.URL.Path, from+f.page))
	} else {
		rec := httptest.NewRecorder()
		real.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, r.URL.Path, nil))
		var index struct{ Manifests []json.RawMessage }
		_ = json.Unmarshal(rec.Body.Bytes(), &index)
		for _, m := range index.Manifests {
			entries = append(slices.Clip(entries), string(m))
		}
	}
	w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	fmt.Fprintf(w, `{"schemaVersion":2,"manifests":[%s]}`, strings.Join(entries, ","))
}

// TestFlood offers 1,000 times 64 MiB. Of that, 256 MiB are taken, little is
// kept, and a signature behind it is found.
func TestFlood(t *testing.T) {
	const mib = 1 << 20
	f := &flood{n: 1000, size: 64 * mib, page: 90}
	index, _ := push(t, f.serve(t)+"/app")
	key, pub := keys(t)
	policy := signing.Policy{Signers: by(t, pub)}
	f.on.Store(true)
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	peak := peakHeap(func() {
		if _, err := verify(t.Context(), t, index, policy); !limited(err) || !strings.Contains(err.Error(), "it takes more than 256 MiB in all; until then, there is no signature") {
			t.Errorf("without a signature: %v", err)
		}
	})
	t.Logf("sent %d MiB, peak %d MiB", f.sent.Load()/mib, peak/mib)
	if sent := f.sent.Load(); sent > 256*mib {
		t.Errorf("%d MiB were taken", sent/mib)
	}
	if peak > 300*mib {
		t.Errorf("%d MiB were in use at a time", peak/mib)
	}
	if pages := f.asked.Load(); pages != 12 {
		t.Errorf("%d pages were read, want 12", pages)
	}
	f.on.Store(false)
	sign(t, index, signing.Options{Signer: key})
	f.on.Store(true)
	if _, err := verify(t.Context(), t, index, policy); err != nil {
		t.Errorf("behind %d large files: %v", f.n, err)
	}
}

// peakHeap is the most memory in use while f runs, in bytes.
func peakHeap(f func()) (peak uint64) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	for {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
		select {
		case <-done:
			return peak
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestTooLarge has more bytes, or fewer, than a descriptor says, and one that
// is larger than any signature.
func TestTooLarge(t *testing.T) {
	_, pub := keys(t)
	for label, c := range map[string]struct {
		size int
		blob func(http.ResponseWriter, *http.Request, int)
		want string
	}{
		"more than it says":  {1000, func(w http.ResponseWriter, _ *http.Request, size int) { zeros(w, 100*size) }, "there is no signature; 1 attached file(s) cannot be read"},
		"fewer than it says": {1000, func(w http.ResponseWriter, _ *http.Request, size int) { zeros(w, size-1) }, "there is no signature; 1 attached file(s) cannot be read"},
		"gone":               {1000, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusNotFound) }, "there is no signature; 1 attached file(s) cannot be read"},
		"refused":            {1000, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusForbidden) }, "the registry does not allow it"},
		"65 MiB":             {65 << 20, nil, "has 68157440 bytes, more than the limit of 67108864; until then, there is no signature"},
		"round and round": {1000, func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, "redirected the request more than 10 times"},
	} {
		f := &flood{n: 1, size: c.size, page: 1, blob: c.blob}
		index, _ := push(t, f.serve(t)+"/app")
		f.on.Store(true)
		if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", label, err)
		}
	}
}

// TestSlow has a registry that begins to answer and goes on never, or a byte at
// a time.
func TestSlow(t *testing.T) {
	key, pub := keys(t)
	for label, c := range map[string]struct {
		limits signing.Limits
		drip   bool
		want   string
	}{
		"silent": {signing.Limits{Idle: 200 * time.Millisecond}, false, "sent nothing for 200ms"},
		"slow":   {signing.Limits{Idle: 10 * time.Second, Time: 2 * time.Second}, true, "it takes longer than 2s"},
	} {
		f := &flood{n: 1, size: 1000, page: 1, blob: func(w http.ResponseWriter, r *http.Request, size int) {
			for range size {
				_, _ = w.Write([]byte{0})
				w.(http.Flusher).Flush()
				wait := 10 * time.Millisecond
				if !c.drip {
					wait = time.Hour
				}
				select {
				case <-r.Context().Done():
					return
				case <-time.After(wait):
				}
			}
		}}
		index, _ := push(t, f.serve(t)+"/app")
		policy := signing.Policy{Signers: by(t, pub), Limits: c.limits}
		f.on.Store(true)
		if _, err := verify(t.Context(), t, index, policy); !limited(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", label, err)
		}
		f.on.Store(false)
		sign(t, index, signing.Options{Signer: key})
		f.on.Store(true)
		if _, err := verify(t.Context(), t, index, policy); err != nil {
			t.Errorf("%s, beside a signature: %v", label, err)
		}
	}
}

// TestManyReferrers lists more than is kept.
func TestManyReferrers(t *testing.T) {
	f := &flood{n: 21_000, size: 1, page: 5000}
	index, _ := push(t, f.serve(t)+"/app")
	_, pub := keys(t)
	f.on.Store(true)
	policy := signing.Policy{Signers: by(t, pub), Limits: signing.Limits{Foreign: 10}}
	if _, err := verify(t.Context(), t, index, policy); !limited(err) || !strings.Contains(err.Error(), "more than 20000 manifests refer to it") {
		t.Errorf("got %v", err)
	}
}
