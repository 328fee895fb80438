package signing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing"
)

// quick is a registry client that waits next to nothing before it asks again.
var quick = oci.Client{Wait: time.Millisecond}

// serve starts a registry, with or without the referrers API, behind wrap.
func serve(t testing.TB, referrers bool, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	if wrap != nil {
		h = wrap(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// keyFiles makes a key pair with the password "secret".
func keyFiles(t testing.TB) (private, public string) {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "cosign")
	if err := signing.GenerateKeys(prefix, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	return prefix + ".key", prefix + ".pub"
}

// keys makes a key pair and gives the key and the content of the public file.
func keys(t testing.TB) (*signing.Key, []byte) {
	t.Helper()
	private, public := keyFiles(t)
	key, err := signing.LoadKey(private, func() ([]byte, error) { return []byte("secret"), nil })
	if err != nil {
		t.Fatal(err)
	}
	pub, err := os.ReadFile(public)
	if err != nil {
		t.Fatal(err)
	}
	return key, pub
}

// by is a policy's signers: any of the public keys.
func by(t testing.TB, keys ...[]byte) signing.Signers {
	t.Helper()
	return signing.AnyOf(identities(t, keys...)...)
}

func identities(t testing.TB, keys ...[]byte) []signing.Identity {
	t.Helper()
	var out []signing.Identity
	for _, k := range keys {
		id, err := signing.KeyIdentity(k)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, id)
	}
	return out
}

// types are requirements of attestations that may say anything.
func kinds(names ...string) []signing.Requirement {
	var out []signing.Requirement
	for _, n := range names {
		out = append(out, signing.Requirement{Type: n})
	}
	return out
}

const (
	provenance = "https://slsa.dev/provenance/v1"
	contents   = "https://whittle-oci.github.io/contents/v1"
)

// attested is an attestation manifest as BuildKit makes it, with an SPDX
// document, provenance and contents about the digests.
func attested(t testing.TB, subjects ...v1.Hash) v1.Image {
	t.Helper()
	var list []string
	for _, h := range subjects {
		list = append(list, fmt.Sprintf(`{"name":"pkg:docker/app@1","digest":{"sha256":%q}}`, h.Hex))
	}
	var layers []mutate.Addendum
	for _, p := range []string{signing.SPDXPredicate, provenance, contents} {
		st := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v0.1","predicateType":%q,"subject":[%s],"predicate":{"SPDXID": "SPDXRef-DOCUMENT","spdxVersion":"SPDX-2.3"}}`, p, strings.Join(list, ","))
		layers = append(layers, mutate.Addendum{
			Layer:       static.NewLayer([]byte(st), "application/vnd.in-toto+json"),
			Annotations: map[string]string{"in-toto.io/predicate-type": p},
		})
	}
	img, err := mutate.Append(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// built is an index as BuildKit makes it: an image for each of two platforms,
// each with an attestation manifest.
func built(t testing.TB) v1.ImageIndex {
	t.Helper()
	var images, attestations []mutate.IndexAddendum
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(64, 1)
		if err != nil {
			t.Fatal(err)
		}
		h := digest(t, img)
		images = append(images, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
		attestations = append(attestations, mutate.IndexAddendum{Add: attested(t, h), Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": h.String()},
		}})
	}
	return mutate.AppendManifests(empty.Index, append(images, attestations...)...)
}

func digest(t testing.TB, x interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	h, err := x.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// push pushes an index to HOST/NAME and gives it and its first platform.
func push(t testing.TB, repo string) (index, platform name.Digest) {
	t.Helper()
	idx := built(t)
	ref, err := name.NewTag(repo + ":1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, idx); err != nil {
		t.Fatal(err)
	}
	m, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return ref.Context().Digest(digest(t, idx).String()), ref.Context().Digest(m.Manifests[0].Digest.String())
}

// pushOne pushes an index to a registry of its own.
func pushOne(t testing.TB) name.Digest {
	t.Helper()
	index, _ := push(t, serve(t, true, nil)+"/app")
	return index
}

// open finds an image.
func open(t testing.TB, ref name.Reference) signing.Image {
	t.Helper()
	img, err := signing.OpenRegistry(t.Context(), ref, quick)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func sign(t testing.TB, d name.Digest, o signing.Options) signing.Result {
	t.Helper()
	res, err := signing.Sign(t.Context(), open(t, d), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func attest(t testing.TB, d name.Digest, o signing.Options) signing.Result {
	t.Helper()
	res, err := signing.Attest(t.Context(), open(t, d), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func verify(ctx context.Context, t testing.TB, d name.Digest, p signing.Policy) (signing.Verified, error) {
	t.Helper()
	return signing.Verify(ctx, open(t, d), p)
}

func why(err error) signing.Why {
	if v, ok := errors.AsType[*signing.VerifyError](err); ok {
		return v.Why
	}
	return ""
}

func other(f signing.Format) signing.Format {
	if f == signing.Bundle {
		return signing.Legacy
	}
	return signing.Bundle
}

func TestSignAttestVerify(t *testing.T) {
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		for _, referrers := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, referrers API %v", format, referrers), func(t *testing.T) {
				index, platform := push(t, serve(t, referrers, nil)+"/app")
				key, pub := keys(t)
				o := signing.Options{Signer: key, Format: format}
				policy := signing.Policy{Signers: by(t, pub), Attestations: kinds(signing.SPDXPredicate, provenance, contents)}
				if _, err := verify(t.Context(), t, index, policy); why(err) != signing.Unsigned {
					t.Errorf("before signing: %v", err)
				}
				if res := sign(t, index, o); len(res.Signed) != 5 || res.Kept != 0 {
					t.Errorf("signed %+v, want the index, the platforms and their attestation manifests", res)
				}
				if _, err := verify(t.Context(), t, index, policy); why(err) != signing.Unattested || !strings.Contains(err.Error(), "(linux/amd64)") {
					t.Errorf("before attesting: %v", err)
				}
				if res := attest(t, index, o); len(res.Attested) != 6 || res.Kept != 0 {
					t.Errorf("attested %+v, want three of each platform", res)
				}
				for d, n := range map[name.Digest]int{index: 6, platform: 3} {
					got, err := verify(t.Context(), t, d, policy)
					if err != nil {
						t.Fatal(err)
					}
					if got.Format != format || len(got.Attestations) != n || got.Digest != d.DigestStr() || got.Signatures != 1 {
						t.Errorf("verified %+v, want %d attestations", got, n)
					}
				}
				// Again: nothing new is written.
				if res := sign(t, index, o); len(res.Signed) != 5 || res.Kept != 5 {
					t.Errorf("signing again: %+v", res)
				}
				if res := attest(t, index, o); len(res.Attested) != 6 || res.Kept != 6 {
					t.Errorf("attesting again: %+v", res)
				}
				otherKey, otherPub := keys(t)
				if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, otherPub)}); why(err) != signing.WrongKey {
					t.Errorf("with another key: %v", err)
				}
				if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, otherPub, pub)}); err != nil {
					t.Errorf("with either key: %v", err)
				}
				// A second signer's signatures stand beside the first's.
				if res := sign(t, index, signing.Options{Signer: otherKey, Format: format}); res.Kept != 0 {
					t.Errorf("signing with another key: %+v", res)
				}
				for _, p := range [][]byte{pub, otherPub} {
					if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, p)}); err != nil {
						t.Errorf("two signers: %v", err)
					}
				}
				var foreign *signing.FormatError
				if _, err := signing.Sign(t.Context(), open(t, index), signing.Options{Signer: key, Format: other(format)}); !errors.As(err, &foreign) || !strings.Contains(err.Error(), "--format "+string(format)) {
					t.Errorf("signing in the other format: %v", err)
				}
			})
		}
	}
}

func TestAnnotations(t *testing.T) {
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		index, _ := push(t, serve(t, true, nil)+"/app")
		key, pub := keys(t)
		sign(t, index, signing.Options{Signer: key, Format: format, Annotations: map[string]string{"stage": "test"}})
		p := signing.Policy{Signers: by(t, pub), Annotations: map[string]string{"stage": "test"}}
		if _, err := verify(t.Context(), t, index, p); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		p.Annotations["stage"] = "live"
		if _, err := verify(t.Context(), t, index, p); why(err) != signing.OtherAnnotations {
			t.Errorf("%s: another annotation: %v", format, err)
		}
		sign(t, index, signing.Options{Signer: key, Format: format, Annotations: map[string]string{"stage": "live"}})
		if _, err := verify(t.Context(), t, index, p); err != nil {
			t.Errorf("%s: after signing again: %v", format, err)
		}
	}
}

// TestOwnPredicate attests a predicate of the user's own: of an index it holds
// for all of it.
func TestOwnPredicate(t *testing.T) {
	const kind = "https://example.test/scan/v1"
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		index, platform := push(t, serve(t, false, nil)+"/app")
		key, pub := keys(t)
		o := signing.Options{Signer: key, Format: format}
		sign(t, index, o)
		for _, bad := range []string{"", "{", "[1]", `"x"`} {
			if _, err := signing.AttestPredicate(t.Context(), open(t, index), o, kind, []byte(bad)); err == nil || !strings.Contains(err.Error(), "JSON object") {
				t.Errorf("%s: the predicate %q: %v", format, bad, err)
			}
		}
		if _, err := signing.AttestPredicate(t.Context(), open(t, index), o, kind, []byte(`{"ok":true}`)); err != nil {
			t.Fatal(err)
		}
		p := signing.Policy{Signers: by(t, pub), Attestations: kinds(kind)}
		got, err := verify(t.Context(), t, index, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Attestations) != 1 || got.Attestations[0].Attested != (signing.Attested{Digest: index.DigestStr(), Predicate: kind}) {
			t.Errorf("%s: got %+v", format, got.Attestations)
		}
		if _, err := verify(t.Context(), t, platform, p); why(err) != signing.Unattested {
			t.Errorf("%s: the platform alone: %v", format, err)
		}
	}
}

func TestDocuments(t *testing.T) {
	host := serve(t, true, nil)
	index, platform := push(t, host+"/app")
	docs, err := signing.Documents(t.Context(), open(t, index), signing.SPDXPredicate)
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) != 2 || docs[0].Platform != "linux/amd64" || docs[0].Digest != platform.DigestStr() || docs[1].Platform != "linux/arm64" || !strings.Contains(string(docs[0].Predicate), "SPDXRef-DOCUMENT") {
		t.Errorf("got %+v", docs)
	}
	if _, err := signing.Documents(t.Context(), open(t, platform), signing.SPDXPredicate); why(err) != signing.Unattested {
		t.Errorf("of a platform without its index: %v", err)
	}
}
