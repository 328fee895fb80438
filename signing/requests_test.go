package signing_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/signing"
)

// annotating is a registry that lists referrers with the annotations of their
// manifests, as the distribution spec says and go-containerregistry's does not,
// and counts requests.
func annotating(t testing.TB) (host string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	host = serve(t, true, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			repo, _, ok := strings.Cut(r.URL.Path, "/referrers/")
			if !ok || r.Method != http.MethodGet {
				h.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			var index v1.IndexManifest
			if err := json.Unmarshal(rec.Body.Bytes(), &index); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			for i, d := range index.Manifests {
				one := httptest.NewRecorder()
				h.ServeHTTP(one, httptest.NewRequest(http.MethodGet, repo+"/manifests/"+d.Digest.String(), nil))
				var m v1.Manifest
				if err := json.Unmarshal(one.Body.Bytes(), &m); err == nil {
					index.Manifests[i].Annotations = m.Annotations
				}
			}
			w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			_ = json.NewEncoder(w).Encode(index)
		})
	})
	return host, asked
}

// single pushes an image without an index.
func single(t testing.TB, repo string) name.Digest {
	t.Helper()
	r, err := name.NewRepository(repo)
	if err != nil {
		t.Fatal(err)
	}
	return pushImage(t, r)
}

// TestRequests counts what a verification of an image with twenty attestations
// asks of a registry: the time of a verification is mostly this.
func TestRequests(t *testing.T) {
	host, asked := annotating(t)
	image := single(t, host+"/app")
	key, pub := keys(t)
	var own []signing.Predicate
	var all []string
	for i := range 20 {
		kind := fmt.Sprintf("https://example.test/%d", i)
		all = append(all, kind)
		own = append(own, signing.Predicate{Type: kind, JSON: []byte(`{}`)})
	}
	if _, err := signing.SignAndAttest(t.Context(), open(t, image), signing.Options{Signer: key}, signing.Statements{Own: own}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		wanted []string
		most   int64
	}{{all, 45}, {all[:2], 12}, {nil, 5}} {
		img := open(t, image)
		asked.Store(0)
		if _, err := signing.Verify(t.Context(), img, signing.Policy{Signers: by(t, pub), Attestations: kinds(c.wanted...)}); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d attestations wanted: %d requests", len(c.wanted), asked.Load())
		if n := asked.Load(); n > c.most {
			t.Errorf("%d attestations wanted: %d requests, more than %d", len(c.wanted), n, c.most)
		}
	}
	// An annotation that says something else hides nothing.
	hidden := single(t, host+"/hidden")
	sign(t, hidden, signing.Options{Signer: key})
	st, err := json.Marshal(signing.Statement{Type: "https://in-toto.io/Statement/v1", Subject: []signing.Subject{{Digest: map[string]string{"sha256": strings.TrimPrefix(hidden.DigestStr(), "sha256:")}}}, PredicateType: scan, Predicate: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	if err := signing.SignRaw(t.Context(), open(t, hidden), key, st, signing.Bundle); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t.Context(), t, hidden, signing.Policy{Signers: by(t, pub), Attestations: kinds(scan)}); err != nil {
		t.Errorf("annotated as of another type: %v", err)
	}
}

// platforms pushes an index of so many images, and gives statements about each.
func platforms(t testing.TB, repo string, n int) name.Digest {
	t.Helper()
	var parts []mutate.IndexAddendum
	for i := range n {
		img, err := random.Image(64, 1)
		if err != nil {
			t.Fatal(err)
		}
		h := digest(t, img)
		parts = append(parts,
			mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: fmt.Sprintf("a%d", i)}}},
			mutate.IndexAddendum{Add: attested(t, h), Descriptor: v1.Descriptor{
				Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
				Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": h.String()},
			}})
	}
	index := mutate.AppendManifests(empty.Index, parts...)
	tag, err := name.NewTag(repo + ":1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
	return tag.Digest(digest(t, index).String())
}

// BenchmarkVerifyIndex verifies an index of ten platforms with three statements
// each, signed by an identity. The bar is a second.
func BenchmarkVerifyIndex(b *testing.B) {
	host, _ := annotating(b)
	s, root := stack(b)
	index := platforms(b, host+"/app", 10)
	img, err := signing.OpenRegistry(b.Context(), index, quick)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := signing.SignAndAttest(b.Context(), img, signing.Options{Signer: keyless(b, s, root, 2, signerMail)}, signing.Statements{Attached: true}); err != nil {
		b.Fatal(err)
	}
	policy := signing.Policy{Signers: named(b, s, root, signerMail, signing.Demands{}), Attestations: kinds(signing.SPDXPredicate, provenance, contents)}
	for b.Loop() {
		if _, err := signing.Verify(b.Context(), img, policy); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSignIndex signs and attests an index of two platforms with three
// statements each by an identity: eleven signatures, one certificate.
func BenchmarkSignIndex(b *testing.B) {
	s, root := stack(b)
	for b.Loop() {
		index := platforms(b, serve(b, true, nil)+"/app", 2)
		img, err := signing.OpenRegistry(b.Context(), index, quick)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := signing.SignAndAttest(b.Context(), img, signing.Options{Signer: keyless(b, s, root, 2, signerMail)}, signing.Statements{Attached: true}); err != nil {
			b.Fatal(err)
		}
	}
}
