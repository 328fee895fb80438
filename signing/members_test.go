package signing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/signing"
)

// fields is a JSON object.
type fields = map[string]any

// typed is a manifest to put as it is.
type typed struct {
	raw       []byte
	mediaType types.MediaType
}

func (m typed) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m typed) MediaType() (types.MediaType, error) { return m.mediaType, nil }

// put puts a manifest of one's own making.
func put(t testing.TB, repo name.Repository, mediaType types.MediaType, doc any) name.Digest {
	t.Helper()
	raw, ok := doc.(string)
	if !ok {
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		raw = string(text)
	}
	h, _, err := v1.SHA256(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	d := repo.Digest(h.String())
	if err := remote.Put(d, typed{[]byte(raw), mediaType}); err != nil {
		t.Fatal(err)
	}
	return d
}

// pushImage pushes an image.
func pushImage(t testing.TB, repo name.Repository) name.Digest {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	d := repo.Digest(digest(t, img).String())
	if err := remote.Write(d, img); err != nil {
		t.Fatal(err)
	}
	return d
}

// listed is the entry of an index for a manifest.
func listed(t testing.TB, d name.Digest, more ...fields) fields {
	t.Helper()
	desc, err := remote.Get(d)
	if err != nil {
		t.Fatal(err)
	}
	out := fields{"mediaType": desc.MediaType, "digest": d.DigestStr(), "size": desc.Size}
	for _, m := range more {
		maps.Copy(out, m)
	}
	return out
}

func platform(os, arch string) fields {
	return fields{"platform": fields{"os": os, "architecture": arch}}
}

// markedAs are the annotations of an attestation manifest.
func markedAs(about string) fields {
	return fields{"annotations": fields{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about}}
}

func indexOf(entries ...fields) fields {
	return fields{"schemaVersion": 2, "mediaType": types.OCIImageIndex, "manifests": append([]fields{}, entries...)}
}

// hostile are indexes whose author wants an image in them to pass that nobody
// attested. good is attested and evil is not.
var hostile = map[string]struct {
	index func(t *testing.T, good, evil name.Digest) any
	want  string // in the error; "" where the index is a good one
}{
	"as BuildKit writes it": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "amd64")), listed(t, evil, platform("unknown", "unknown"), markedAs(good.DigestStr())))
	}, ""},
	"the same image for two platforms": {func(t *testing.T, good, _ name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "amd64")), listed(t, good, platform("linux", "arm64")))
	}, ""},
	"an image without a platform": {func(t *testing.T, good, _ name.Digest) any { return indexOf(listed(t, good)) }, ""},
	"nothing":                     {func(*testing.T, name.Digest, name.Digest) any { return indexOf() }, "it holds no image that could have one"},
	"nothing in an index in it": {func(t *testing.T, good, _ name.Digest) any {
		return indexOf(listed(t, put(t, good.Repository, types.OCIImageIndex, indexOf())))
	}, "it holds no image that could have one"},
	"an image for a platform, marked": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "arm64")), listed(t, evil, platform("linux", "amd64"), markedAs(good.DigestStr())))
	}, "but its platform is linux/amd64, and not unknown/unknown"},
	"only an image, marked": {func(t *testing.T, _, evil name.Digest) any {
		return indexOf(listed(t, evil, platform("linux", "amd64"), markedAs(evil.DigestStr())))
	}, "but its platform is linux/amd64, and not unknown/unknown"},
	"an image without a platform, marked": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "arm64")), listed(t, evil, markedAs(good.DigestStr())))
	}, "but it has no platform"},
	"marked as about itself": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "amd64")), listed(t, evil, platform("unknown", "unknown"), markedAs(evil.DigestStr())))
	}, "an attestation manifest of itself"},
	"marked as about one that is not there": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, evil, platform("unknown", "unknown"), markedAs(good.DigestStr())))
	}, "which is no image in the same index"},
	"marked as about one in another index": {func(t *testing.T, good, evil name.Digest) any {
		inner := put(t, good.Repository, types.OCIImageIndex, indexOf(listed(t, good, platform("linux", "amd64"))))
		return indexOf(listed(t, inner), listed(t, evil, platform("unknown", "unknown"), markedAs(good.DigestStr())))
	}, "which is no image in the same index"},
	"two, each about the other": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, evil, platform("unknown", "unknown"), markedAs(good.DigestStr())), listed(t, good, platform("unknown", "unknown"), markedAs(evil.DigestStr())))
	}, "which is no image in the same index"},
	"unknown platform, not marked": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "amd64")), listed(t, evil, platform("unknown", "unknown")))
	}, "it is not marked as an attestation manifest"},
	"attestation and image at once": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "arm64")), listed(t, evil, platform("unknown", "unknown"), markedAs(good.DigestStr())), listed(t, evil, platform("linux", "amd64")))
	}, "(linux/amd64): there is no attestation"},
	"an image of another media type": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "arm64")), listed(t, evil, fields{"mediaType": "application/vnd.example+json"}))
	}, "there is no attestation"},
	"an image with an artifact type": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "arm64")), listed(t, evil, fields{"artifactType": "application/vnd.docker.attestation.manifest.v1+json"}))
	}, "there is no attestation"},
	"an image two indexes deep": {func(t *testing.T, good, evil name.Digest) any {
		inner := put(t, good.Repository, types.OCIImageIndex, indexOf(listed(t, good, platform("linux", "arm64")), listed(t, evil, platform("linux", "amd64"))))
		return indexOf(listed(t, good, platform("linux", "arm64")), listed(t, put(t, good.Repository, types.OCIImageIndex, indexOf(listed(t, inner, markedAs(good.DigestStr()))))))
	}, "(linux/amd64): there is no attestation"},
	"an image that is listed as an index": {func(t *testing.T, good, evil name.Digest) any {
		return indexOf(listed(t, good, platform("linux", "arm64")), listed(t, evil, fields{"mediaType": types.OCIImageIndex}))
	}, "it is not an image index"},
	"an index that is also an image": {func(t *testing.T, good, evil name.Digest) any {
		doc := indexOf(listed(t, good, platform("linux", "amd64")))
		doc["config"] = fields{"mediaType": types.OCIConfigJSON, "digest": evil.DigestStr(), "size": 2}
		return doc
	}, `both "manifests" and "config"`},
	"two lists": {func(t *testing.T, good, evil name.Digest) any {
		one, err := json.Marshal([]fields{listed(t, evil, platform("linux", "amd64"))})
		if err != nil {
			t.Fatal(err)
		}
		two, err := json.Marshal([]fields{listed(t, good, platform("linux", "amd64"))})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"schemaVersion":2,"manifests":%s,"Manifests":%s}`, one, two)
	}, `"manifests" and "Manifests" in one object`},
	"indexes nine deep": {func(t *testing.T, good, _ name.Digest) any {
		doc := indexOf(listed(t, good, platform("linux", "amd64")))
		for range 9 {
			doc = indexOf(listed(t, put(t, good.Repository, types.OCIImageIndex, doc)))
		}
		return doc
	}, "more than 8 deep"},
	"an index that unfolds to 10^6 images": {func(t *testing.T, good, _ name.Digest) any {
		doc := indexOf(listed(t, good, platform("linux", "amd64")))
		for range 6 {
			inner := listed(t, put(t, good.Repository, types.OCIImageIndex, doc))
			doc = indexOf(inner, inner, inner, inner, inner, inner, inner, inner, inner, inner)
		}
		return doc
	}, "more than 1000 manifests"},
}

// TestHostileIndex signs each index, as its author may, and asks for
// attestations.
func TestHostileIndex(t *testing.T) {
	key, pub := keys(t)
	for label, c := range hostile {
		t.Run(label, func(t *testing.T) {
			repo, err := name.NewRepository(serve(t, true, nil) + "/app")
			if err != nil {
				t.Fatal(err)
			}
			good, evil := pushImage(t, repo), pushImage(t, repo)
			index := put(t, repo, types.OCIImageIndex, c.index(t, good, evil))
			o := signing.Options{Signer: key}
			if _, err := signing.AttestPredicate(t.Context(), open(t, good), o, signing.SPDXPredicate, []byte("{}")); err != nil {
				t.Fatal(err)
			}
			signed := true
			if _, err := signing.Sign(t.Context(), open(t, index), o); err != nil {
				if signed = false; !errors.As(err, new(*signing.MalformedError)) || !strings.Contains(err.Error(), c.want) {
					t.Fatal(err)
				}
			}
			if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)}); signed && err != nil {
				t.Errorf("nothing is asked for: %v", err)
			}
			got, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub), Attestations: kinds(signing.SPDXPredicate)})
			if c.want == "" {
				if err != nil || len(got.Attestations) != 1 || got.Attestations[0].Digest != good.DigestStr() {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || signed != (why(err) == signing.Unattested) {
				t.Fatalf("got %+v, %v, want %q", got, err, c.want)
			}
			if signed && !strings.Contains(err.Error(), signing.SPDXPredicate) {
				t.Errorf("the check is not named: %v", err)
			}
			if docs, err := signing.Documents(t.Context(), open(t, index), signing.SPDXPredicate, identities(t, pub)...); err == nil {
				t.Errorf("documents of an index that is not attested: %+v", docs)
			}
		})
	}
}

// TestWholeIndexAttested has the key attest an empty index: then it is
// attested, whatever is not in it.
func TestWholeIndexAttested(t *testing.T) {
	key, pub := keys(t)
	repo, err := name.NewRepository(serve(t, true, nil) + "/app")
	if err != nil {
		t.Fatal(err)
	}
	index := put(t, repo, types.OCIImageIndex, indexOf())
	o := signing.Options{Signer: key}
	sign(t, index, o)
	if _, err := signing.AttestPredicate(t.Context(), open(t, index), o, signing.SPDXPredicate, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub), Attestations: kinds(signing.SPDXPredicate)}); err != nil {
		t.Error(err)
	}
}
