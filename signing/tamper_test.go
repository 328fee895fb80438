package signing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/signing"
)

// TestMovedSignature takes a good signature of one image and puts it on
// another, as someone who can push but not sign would.
func TestMovedSignature(t *testing.T) {
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		for _, referrers := range []bool{true, false} {
			host := serve(t, referrers, nil)
			key, pub := keys(t)
			signed, signedPlatform := push(t, host+"/app")
			fake, fakePlatform := push(t, host+"/app")
			sign(t, signed, signing.Options{Signer: key, Format: format})
			attest(t, signed, signing.Options{Signer: key, Format: format})
			move(t, format, signed, fake, "sig")
			policy := signing.Policy{Signers: by(t, pub)}
			if _, err := verify(t.Context(), t, fake, policy); why(err) != signing.OtherDigest || !strings.Contains(err.Error(), signed.DigestStr()) {
				t.Errorf("%s: a moved signature: %v", format, err)
			}
			// The image is signed well, the attestation is another's.
			swapped, swappedPlatform := push(t, host+"/app")
			sign(t, swapped, signing.Options{Signer: key, Format: format})
			move(t, format, signedPlatform, swappedPlatform, "att")
			policy.Attestations = kinds(signing.SPDXPredicate)
			if _, err := verify(t.Context(), t, swapped, policy); why(err) != signing.WrongSubject || !strings.Contains(err.Error(), signedPlatform.DigestStr()) {
				t.Errorf("%s: a swapped attestation: %v", format, err)
			}
			_ = fakePlatform
		}
	}
}

// move copies what is attached to one digest to another.
func move(t *testing.T, format signing.Format, from, to name.Digest, suffix string) {
	t.Helper()
	if format == signing.Legacy {
		tag := func(d name.Digest) name.Tag {
			return d.Context().Tag(strings.ReplaceAll(d.DigestStr(), ":", "-") + "." + suffix)
		}
		desc, err := remote.Get(tag(from))
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Tag(tag(to), desc); err != nil {
			t.Fatal(err)
		}
		return
	}
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

// TestChangedContent lets the registry answer with other bytes than the digest
// says.
func TestChangedContent(t *testing.T) {
	for _, what := range []string{"manifests", "blobs"} {
		var changed atomic.Pointer[string]
		host := serve(t, true, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if p := changed.Load(); p != nil && strings.Contains(r.URL.Path, *p) {
					w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
					_, _ = w.Write([]byte(`{"schemaVersion":2,"manifests":[]}`))
					return
				}
				h.ServeHTTP(w, r)
			})
		})
		index, _ := push(t, host+"/app")
		key, pub := keys(t)
		sign(t, index, signing.Options{Signer: key})
		part := "/manifests/" + index.DigestStr()
		if what == "blobs" {
			part = "/blobs/sha256:"
		}
		changed.Store(&part)
		_, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)})
		switch {
		case what == "manifests" && (!errors.As(err, new(*signing.ChangedError)) || !strings.Contains(err.Error(), "the manifest has been changed")):
			t.Errorf("a changed manifest: %v", err)
		case what == "blobs" && (why(err) != signing.Unsigned || !strings.Contains(err.Error(), "the blob has been changed")):
			t.Errorf("a changed signature: %v", err)
		}
	}
}

// TestBelievedDigest has a registry claim the digest of what it sends, as for
// docker's schema 1, where go-containerregistry believes it: in an index that
// it makes up, there is nothing that lacks an attestation.
func TestBelievedDigest(t *testing.T) {
	var fake atomic.Pointer[string]
	host := serve(t, true, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, digest, ok := strings.Cut(r.URL.Path, "/manifests/")
			if p := fake.Load(); p != nil && ok && digest == *p {
				w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws")
				w.Header().Set("Docker-Content-Digest", digest)
				_, _ = w.Write([]byte(`{"config":{},"layers":[]}`))
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	index, platform := push(t, host+"/app")
	key, pub := keys(t)
	sign(t, index, signing.Options{Signer: key})
	for _, d := range []string{index.DigestStr(), platform.DigestStr()} {
		fake.Store(&d)
		ref := index.Context().Digest(d)
		if _, err := verify(t.Context(), t, ref, signing.Policy{Signers: by(t, pub)}); !errors.As(err, new(*signing.ChangedError)) {
			t.Errorf("verified: %v", err)
		}
		if _, err := signing.Attest(t.Context(), open(t, ref), signing.Options{Signer: key}, nil); !errors.As(err, new(*signing.ChangedError)) {
			t.Errorf("attested: %v", err)
		}
	}
}

// TestTerminal has a hostile index draw on the terminal.
func TestTerminal(t *testing.T) {
	repo, err := name.NewRepository(serve(t, true, nil) + "/app")
	if err != nil {
		t.Fatal(err)
	}
	key, pub := keys(t)
	index := put(t, repo, types.OCIImageIndex, indexOf(listed(t, pushImage(t, repo), platform("linux\x1b[2Jok", "amd64"), markedAs("\x1b[1Ax"))))
	sign(t, index, signing.Options{Signer: key})
	_, err = verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub), Attestations: kinds(signing.SPDXPredicate)})
	if why(err) != signing.Unattested || strings.ContainsRune(err.Error(), '\x1b') {
		t.Errorf("got %q", err)
	}
}

// TestAttestationIsNoSignature has an image with attestations only.
func TestAttestationIsNoSignature(t *testing.T) {
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		index, platform := push(t, serve(t, true, nil)+"/app")
		key, pub := keys(t)
		attest(t, index, signing.Options{Signer: key, Format: format})
		if _, err := verify(t.Context(), t, platform, signing.Policy{Signers: by(t, pub)}); why(err) != signing.Unsigned || !strings.Contains(err.Error(), "3 attestation(s)") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// TestUnreadableBeside has something broken attached beside a good signature:
// that must not hide it, and must be named where there is nothing else.
func TestUnreadableBeside(t *testing.T) {
	index, _ := push(t, serve(t, true, nil)+"/app")
	key, pub := keys(t)
	junk, err := mutate.Append(mutate.ConfigMediaType(empty.Image, "application/vnd.oci.empty.v1+json"), mutate.Addendum{
		Layer: static.NewLayer([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"`), "application/vnd.dev.sigstore.bundle.v0.3+json"),
	})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := remote.Head(index)
	if err != nil {
		t.Fatal(err)
	}
	referrer, ok := mutate.Subject(junk, *subject).(v1.Image)
	if !ok {
		t.Fatal("not an image")
	}
	if err := remote.Write(index.Context().Digest(digest(t, referrer).String()), referrer); err != nil {
		t.Fatal(err)
	}
	policy := signing.Policy{Signers: by(t, pub)}
	if _, err := verify(t.Context(), t, index, policy); why(err) != signing.Unsigned || !strings.Contains(err.Error(), "1 attached file(s) cannot be read") {
		t.Errorf("alone: %v", err)
	}
	sign(t, index, signing.Options{Signer: key})
	if _, err := verify(t.Context(), t, index, policy); err != nil {
		t.Errorf("beside a signature: %v", err)
	}
}

// TestForeignSubjects does not lift a statement about anything else than its
// attestation manifest says: signing it would vouch for that.
func TestForeignSubjects(t *testing.T) {
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	victim := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("ab", 32)}
	for label, subjects := range map[string][]v1.Hash{"another": {victim}, "one more": {digest(t, img), victim}, "none": nil} {
		host := serve(t, true, nil)
		idx := mutate.AppendManifests(empty.Index,
			mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
			mutate.IndexAddendum{Add: attested(t, subjects...), Descriptor: v1.Descriptor{
				Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
				Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest(t, img).String()},
			}})
		ref, err := name.NewTag(host + "/app:1")
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.WriteIndex(ref, idx); err != nil {
			t.Fatal(err)
		}
		key, _ := keys(t)
		if _, err := signing.Attest(t.Context(), open(t, ref), signing.Options{Signer: key}, nil); err == nil || !strings.Contains(err.Error(), "so it is not signed") {
			t.Errorf("%s: %v", label, err)
		}
		if list, err := remote.Referrers(ref.Context().Digest(digest(t, img).String())); err == nil {
			if m, err := list.IndexManifest(); err != nil || len(m.Manifests) != 0 {
				t.Errorf("%s: something was attached: %+v, %v", label, m, err)
			}
		}
	}
}
