package signing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/whittle-oci/whittle/signing"
)

// serve starts a registry, with or without the referrers API, behind wrap.
func serve(t *testing.T, referrers bool, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	var h http.Handler = registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	if wrap != nil {
		h = wrap(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// keys makes a key pair and gives the key and the public file.
func keys(t *testing.T) (*signing.Key, []byte) {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "cosign")
	if err := signing.GenerateKeys(prefix, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	key, err := signing.LoadKey(prefix+".key", func() ([]byte, error) { return []byte("secret"), nil })
	if err != nil {
		t.Fatal(err)
	}
	pub, err := os.ReadFile(prefix + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return key, pub
}

// push pushes an index as BuildKit makes it: an image for a platform and an
// attestation manifest with an SPDX statement about it.
func push(t *testing.T, repo string) (index, image name.Digest) {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	statement := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"_","digest":{"sha256":%q}}],"predicateType":%q,"predicate":{"SPDXID":"SPDXRef-DOCUMENT"}}`, h.Hex, signing.SPDXPredicate)
	att, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer:       static.NewLayer([]byte(statement), "application/vnd.in-toto+json"),
		Annotations: map[string]string{"in-toto.io/predicate-type": signing.SPDXPredicate},
	})
	if err != nil {
		t.Fatal(err)
	}
	idx := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: att, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": h.String()},
		}})
	ref, err := name.NewTag(repo + ":1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, idx); err != nil {
		t.Fatal(err)
	}
	ih, err := idx.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return ref.Context().Digest(ih.String()), ref.Context().Digest(h.String())
}

func TestSignAttestVerify(t *testing.T) {
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		for _, referrers := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, referrers API %v", format, referrers), func(t *testing.T) {
				index, image := push(t, serve(t, referrers, nil)+"/app")
				key, pub := keys(t)
				policy := signing.Policy{Keys: [][]byte{pub}, Attestations: []string{signing.SPDXPredicate}}
				if _, err := signing.Verify(t.Context(), index, policy); why(err) != signing.Unsigned {
					t.Errorf("before signing: %v", err)
				}
				res, err := signing.Sign(t.Context(), index, key, format)
				if err != nil {
					t.Fatal(err)
				}
				if len(res.Signed) != 3 {
					t.Errorf("signed %v, want the index, the platform and its attestation manifest", res.Signed)
				}
				if _, err := signing.Verify(t.Context(), index, policy); why(err) != signing.Unattested {
					t.Errorf("before attesting: %v", err)
				}
				if _, err := signing.Attest(t.Context(), index, key, format, nil); err != nil {
					t.Fatal(err)
				}
				for _, d := range []name.Digest{index, image} {
					got, err := signing.Verify(t.Context(), d, policy)
					if err != nil {
						t.Fatal(err)
					}
					if got.Format != format || len(got.Attestations) != 1 {
						t.Errorf("verified %+v", got)
					}
				}
				_, other := keys(t)
				if _, err := signing.Verify(t.Context(), index, signing.Policy{Keys: [][]byte{other}}); why(err) != signing.WrongKey {
					t.Errorf("with another key: %v", err)
				}
				if _, err := signing.Verify(t.Context(), index, signing.Policy{Keys: [][]byte{other, pub}}); err != nil {
					t.Errorf("with either key: %v", err)
				}
				foreign := signing.Legacy
				if format == signing.Legacy {
					foreign = signing.Bundle
				}
				if _, err := signing.Sign(t.Context(), index, key, foreign); !errors.As(err, new(*signing.FormatError)) {
					t.Errorf("signing in the other format: %v", err)
				}
			})
		}
	}
}

func why(err error) signing.Why {
	if v, ok := errors.AsType[*signing.VerifyError](err); ok {
		return v.Why
	}
	return ""
}

// TestMoved takes a good signature of one image and puts it on another, as
// someone who can push but not sign would.
func TestMoved(t *testing.T) {
	host := serve(t, true, nil)
	signed, _ := push(t, host+"/app")
	other, otherImage := push(t, host+"/app")
	key, pub := keys(t)
	policy := signing.Policy{Keys: [][]byte{pub}}

	// The older format is kept at a tag made of the digest: copy the tag.
	if _, err := signing.Sign(t.Context(), signed, key, signing.Legacy); err != nil {
		t.Fatal(err)
	}
	from := signed.Context().Tag(strings.ReplaceAll(signed.DigestStr(), ":", "-") + ".sig")
	desc, err := remote.Get(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Tag(signed.Context().Tag(strings.ReplaceAll(other.DigestStr(), ":", "-")+".sig"), desc); err != nil {
		t.Fatal(err)
	}
	if _, err := signing.Verify(t.Context(), other, policy); why(err) != signing.OtherDigest || !strings.Contains(err.Error(), signed.DigestStr()) {
		t.Errorf("a copied signature: %v", err)
	}

	// An attestation about one image on another.
	a, aImage := push(t, host+"/b")
	if _, err := signing.Attest(t.Context(), a, key, signing.Bundle, nil); err != nil {
		t.Fatal(err)
	}
	b, bImage := push(t, host+"/b")
	if _, err := signing.Sign(t.Context(), b, key, signing.Bundle); err != nil {
		t.Fatal(err)
	}
	move(t, aImage, bImage)
	policy.Attestations = []string{signing.SPDXPredicate}
	if _, err := signing.Verify(t.Context(), b, policy); why(err) != signing.WrongSubject || !strings.Contains(err.Error(), aImage.DigestStr()) {
		t.Errorf("a swapped attestation: %v", err)
	}
	_ = otherImage
}

// move copies the referrers of one image to another by changing their subject.
func move(t *testing.T, from, to name.Digest) {
	t.Helper()
	index, err := remote.Referrers(from)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	subject, err := remote.Head(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range m.Manifests {
		img, err := remote.Image(from.Context().Digest(d.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := img.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		doc["subject"] = subject
		if raw, err = json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
		h, _, err := v1.SHA256(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Put(to.Context().Digest(h.String()), manifest(raw)); err != nil {
			t.Fatal(err)
		}
	}
}

type manifest []byte

func (m manifest) RawManifest() ([]byte, error) { return m, nil }

// TestRegistryAnswers checks that a registry that cannot be asked never counts
// as an unsigned image, and that passing trouble is waited out.
func TestRegistryAnswers(t *testing.T) {
	for code, want := range map[int]string{
		http.StatusUnauthorized:        "the registry wants to know who asks",
		http.StatusForbidden:           "the registry does not allow it",
		http.StatusTooManyRequests:     "the registry asks to come back later",
		http.StatusInternalServerError: "the registry failed",
		http.StatusServiceUnavailable:  "the registry failed",
	} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			var broken atomic.Bool
			host := serve(t, true, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if broken.Load() && r.URL.Path != "/v2/" {
						w.WriteHeader(code)
						return
					}
					h.ServeHTTP(w, r)
				})
			})
			index, _ := push(t, host+"/app")
			key, pub := keys(t)
			if _, err := signing.Sign(t.Context(), index, key, signing.Bundle); err != nil {
				t.Fatal(err)
			}
			broken.Store(true)
			_, err := signing.Verify(t.Context(), index, signing.Policy{Keys: [][]byte{pub}})
			if !errors.As(err, new(*signing.RegistryError)) || why(err) != "" || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	t.Run("twice busy", func(t *testing.T) {
		var left atomic.Int32
		host := serve(t, true, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if left.Add(-1) >= 0 {
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				h.ServeHTTP(w, r)
			})
		})
		index, _ := push(t, host+"/app")
		key, pub := keys(t)
		if _, err := signing.Sign(t.Context(), index, key, signing.Bundle); err != nil {
			t.Fatal(err)
		}
		left.Store(2)
		if _, err := signing.Verify(t.Context(), index, signing.Policy{Keys: [][]byte{pub}}); err != nil {
			t.Errorf("passing trouble was not waited out: %v", err)
		}
	})
	t.Run("gone", func(t *testing.T) {
		s := httptest.NewServer(http.NotFoundHandler())
		host := strings.TrimPrefix(s.URL, "http://")
		s.Close()
		ref, err := name.ParseReference(host + "/app:1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signing.Resolve(t.Context(), ref); err == nil || !strings.Contains(err.Error(), "the registry could not be reached") {
			t.Errorf("got %v", err)
		}
	})
}

// TestPublishWithoutSignature makes signing fail and looks for a tag.
func TestPublishWithoutSignature(t *testing.T) {
	host := serve(t, true, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/blobs/uploads") && strings.Contains(r.URL.Path, "/signed/") {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	pushed, _ := push(t, host+"/app")
	key, _ := keys(t)
	src, err := remote.Index(pushed)
	if err != nil {
		t.Fatal(err)
	}
	// The manifests get there by mounting, so only the signature's upload
	// is refused.
	repo, err := name.NewRepository(host + "/signed/app")
	if err != nil {
		t.Fatal(err)
	}
	_ = remote.WriteIndex(repo.Tag("old"), src)
	tag := repo.Tag("1")
	if _, err := signing.Publish(t.Context(), repo.Digest(pushed.DigestStr()), []name.Tag{tag}, key, signing.Bundle); err == nil {
		t.Fatal("publishing went well although the signature was refused")
	}
	if _, err := remote.Head(tag); err == nil {
		t.Error("there is a tag although signing failed")
	}
}

func TestKeys(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "k")
	if err := signing.GenerateKeys(prefix, []byte("right")); err != nil {
		t.Fatal(err)
	}
	if err := signing.GenerateKeys(prefix, []byte("right")); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("a key was written over: %v", err)
	}
	_, err := signing.LoadKey(prefix+".key", func() ([]byte, error) { return []byte("wrong-password"), nil })
	if !errors.Is(err, signing.ErrPassword) || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("a wrong password: %v", err)
	}
	info, err := os.Stat(prefix + ".key")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the private key has mode %v, %v", info.Mode(), err)
	}
	if _, err := signing.Verify(t.Context(), name.Digest{}, signing.Policy{}); err == nil || !strings.Contains(err.Error(), "names no one") {
		t.Errorf("an empty policy: %v", err)
	}
}
