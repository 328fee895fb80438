package carry_test

import (
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

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/carry"
)

var client = oci.Client{Wait: time.Millisecond}

func serve(t *testing.T, referrers bool, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	if wrap != nil {
		h = wrap(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func ref(t *testing.T, s string) oci.Ref {
	t.Helper()
	r, err := oci.ParseRef(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const scan = "https://example.test/scan/v1"

// signed pushes an index of two images, signed with a key and attested, and
// gives the index and who signed.
func signed(t *testing.T, at string, format signing.Format) (name.Digest, signing.Identity) {
	t.Helper()
	var parts []mutate.IndexAddendum
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(256, 2)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	index := mutate.AppendManifests(empty.Index, parts...)
	tag, err := name.NewTag(at)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Join(t.TempDir(), "k")
	if err := signing.GenerateKeys(prefix, nil); err != nil {
		t.Fatal(err)
	}
	key, err := signing.LoadKey(prefix+".key", func() ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := signing.OpenRegistry(t.Context(), tag, client)
	if err != nil {
		t.Fatal(err)
	}
	_, err = signing.SignAndAttest(t.Context(), img, signing.Options{Signer: key, Format: format}, signing.Statements{Own: []signing.Predicate{{Type: scan, JSON: []byte(`{}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := signing.KeyIdentity(key.PublicPEM())
	if err != nil {
		t.Fatal(err)
	}
	return tag.Digest(img.Digest()), id
}

func verify(t *testing.T, at string, id signing.Identity) error {
	t.Helper()
	img, err := signing.Open(t.Context(), ref(t, at), client)
	if err != nil {
		return err
	}
	_, err = signing.Verify(t.Context(), img, signing.Policy{Signers: signing.AnyOf(id), Attestations: []signing.Requirement{{Type: scan}}})
	return err
}

// TestCopy goes from registry to registry, with and without the referrers API,
// and through a layout, in both formats; what arrives verifies.
func TestCopy(t *testing.T) {
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		for _, from := range []bool{true, false} {
			for _, to := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, referrers API %v to %v", format, from, to), func(t *testing.T) {
					src, dst := serve(t, from, nil)+"/a/app:1", serve(t, to, nil)+"/b/app:2"
					digest, id := signed(t, src, format)
					got, err := carry.Copy(t.Context(), ref(t, src), ref(t, dst), client)
					if err != nil {
						t.Fatal(err)
					}
					if want := map[signing.Format]int{signing.Bundle: 4, signing.Legacy: 4}[format]; len(got.Attached) != want || got.Digest != digest.DigestStr() || got.Tag != "2" {
						t.Errorf("carried %+v", got)
					}
					if err := verify(t, dst, id); err != nil {
						t.Error(err)
					}
					dir := filepath.Join(t.TempDir(), "out")
					if _, err := carry.Copy(t.Context(), ref(t, dst), ref(t, "oci:"+dir+":2"), client); err != nil {
						t.Fatal(err)
					}
					if format == signing.Bundle {
						if err := verify(t, "oci:"+dir, id); err != nil {
							t.Errorf("in the layout: %v", err)
						}
					}
					back := serve(t, from, nil) + "/c/app:3"
					if _, err := carry.Copy(t.Context(), ref(t, "oci:"+dir), ref(t, back), client); err != nil {
						t.Fatal(err)
					}
					if err := verify(t, back, id); err != nil {
						t.Errorf("back: %v", err)
					}
					// Again, and beside another image.
					if _, err := carry.Copy(t.Context(), ref(t, dst), ref(t, "oci:"+dir+":2"), client); err != nil {
						t.Fatal(err)
					}
					if _, err := carry.Copy(t.Context(), ref(t, "oci:"+dir+":2"), ref(t, back), client); err != nil {
						t.Errorf("again: %v", err)
					}
				})
			}
		}
	}
}

// TestLeft copies to registries that forget what refers to an image, or do not
// take it.
func TestLeft(t *testing.T) {
	src := serve(t, true, nil) + "/a/app:1"
	signed(t, src, signing.Bundle)
	forgets := serve(t, true, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/referrers/") {
				w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
				fmt.Fprint(w, `{"schemaVersion":2,"manifests":[]}`)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	var left *carry.LeftError
	if _, err := carry.Copy(t.Context(), ref(t, src), ref(t, forgets+"/b/app:1"), client); !errors.As(err, &left) || len(left.Left) != 4 {
		t.Errorf("forgets: %v", err)
	}
	if _, err := remote.Head(tag(t, forgets+"/b/app:1")); err == nil {
		t.Error("there is a tag")
	}
	refuses := serve(t, true, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	if _, err := carry.Copy(t.Context(), ref(t, src), ref(t, refuses+"/b/app:1"), client); err == nil {
		t.Error("refuses: no error")
	}
}

// TestCutShort leaves no layout behind that does not have everything: none where
// there was none, and an empty directory empty.
func TestCutShort(t *testing.T) {
	lacks := serve(t, true, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	signed(t, lacks+"/a/app:1", signing.Bundle)
	for _, made := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "layout")
		if made {
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := carry.Copy(t.Context(), ref(t, lacks+"/a/app:1"), ref(t, "oci:"+dir), client); err == nil {
			t.Fatal("no error")
		}
		entries, err := os.ReadDir(dir)
		if made != (err == nil) || len(entries) > 0 {
			t.Errorf("there before: %t; now %v, %v", made, entries, err)
		}
	}
}

func tag(t *testing.T, s string) name.Tag {
	t.Helper()
	n, err := name.NewTag(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestBad copies from and to what is no place, or not whole.
func TestBad(t *testing.T) {
	host := serve(t, true, nil)
	src := host + "/a/app:1"
	signed(t, src, signing.Bundle)
	dir := filepath.Join(t.TempDir(), "out")
	if _, err := carry.Copy(t.Context(), ref(t, src), ref(t, "oci:"+dir), client); err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for label, c := range map[string]struct{ from, to, says string }{
		"no image":             {host + "/a/none:1", host + "/b:1", "no image named 1"},
		"no layout":            {"oci:" + full, host + "/b:1", "not an OCI layout"},
		"a full directory":     {src, "oci:" + full, "not an OCI layout"},
		"no name in it":        {"oci:" + dir + ":nope", host + "/b:1", "no image named nope"},
		"no digest in it":      {"oci:" + dir + "@sha256:" + strings.Repeat("ab", 32), host + "/b:1", "the manifest is missing"},
		"the docker engine":    {src, "docker:x:1", "signatures cannot be kept there"},
		"from a docker engine": {"docker:x:1", host + "/b:1", "holds no signatures"},
	} {
		if _, err := carry.Copy(t.Context(), ref(t, c.from), ref(t, c.to), client); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", label, err)
		}
	}
	// A blob is changed, and one is missing.
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		data, err := os.ReadFile(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(b, append([]byte("x"), data[1:]...), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := carry.Copy(t.Context(), ref(t, "oci:"+dir), ref(t, serve(t, true, nil)+"/c:1"), client); err == nil {
			t.Errorf("%s is changed, and was copied", b)
		}
		if err := os.Remove(b); err != nil {
			t.Fatal(err)
		}
		if _, err := carry.Copy(t.Context(), ref(t, "oci:"+dir), ref(t, serve(t, true, nil)+"/c:1"), client); err == nil {
			t.Errorf("%s is missing, and the rest was copied", b)
		}
		if err := os.WriteFile(b, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
