package signing_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcr "github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing"
)

// newLayout makes an OCI layout of one index.
func newLayout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	l, err := ggcr.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.AppendIndex(built(t)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openLayout(t *testing.T, dir string) signing.Image {
	t.Helper()
	ref, err := oci.ParseRef("oci:" + dir)
	if err != nil {
		t.Fatal(err)
	}
	img, err := signing.OpenLayout(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// padIndex lists what was attached last n times more, each entry size bytes
// longer.
func padIndex(t *testing.T, dir string, n, size int) {
	t.Helper()
	file := filepath.Join(dir, "index.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		SchemaVersion int              `json:"schemaVersion"`
		Manifests     []map[string]any `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	last := doc.Manifests[len(doc.Manifests)-1]
	for range n {
		doc.Manifests = append(doc.Manifests, map[string]any{
			"mediaType": last["mediaType"], "digest": last["digest"], "size": last["size"], "artifactType": last["artifactType"],
			"annotations": map[string]string{"pad": strings.Repeat("x", size)},
		})
	}
	if raw, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestManySignatures signs a layout that has more than a thousand signatures:
// it stays readable.
func TestManySignatures(t *testing.T) {
	dir := newLayout(t)
	key, pub := keys(t)
	policy := signing.Policy{Signers: by(t, pub)}
	if _, err := signing.Sign(t.Context(), openLayout(t, dir), signing.Options{Signer: key}); err != nil {
		t.Fatal(err)
	}
	padIndex(t, dir, 1500, 0)
	if got, err := signing.Verify(t.Context(), openLayout(t, dir), policy); err != nil || got.Signatures != 1501 {
		t.Errorf("verified %+v, %v", got.Signatures, err)
	}
	o := signing.Options{Signer: key, Annotations: map[string]string{"n": "1502"}}
	if _, err := signing.Sign(t.Context(), openLayout(t, dir), o); err != nil {
		t.Fatal(err)
	}
	policy.Annotations = o.Annotations
	if _, err := signing.Verify(t.Context(), openLayout(t, dir), policy); err != nil {
		t.Error(err)
	}
}

// TestFullLayout signs until index.json would be too long to be read: that is
// refused, and nothing is written.
func TestFullLayout(t *testing.T) {
	dir := newLayout(t)
	key, pub := keys(t)
	if _, err := signing.Sign(t.Context(), openLayout(t, dir), signing.Options{Signer: key}); err != nil {
		t.Fatal(err)
	}
	padIndex(t, dir, 1, 4<<20-6000)
	before := listing(t, dir)
	var err error
	for i := 0; err == nil && i < 20; i++ {
		before = listing(t, dir)
		_, err = signing.AttestPredicate(t.Context(), openLayout(t, dir), signing.Options{Signer: key}, fmt.Sprintf("https://example.test/%d", i), []byte("{}"))
	}
	if err == nil || !strings.Contains(err.Error(), "takes no more signatures") {
		t.Fatalf("got %v", err)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("something was written:\n%s\n%s", before, after)
	}
	if _, err := signing.Verify(t.Context(), openLayout(t, dir), signing.Policy{Signers: by(t, pub)}); err != nil {
		t.Error(err)
	}
}

// listing is every file below a directory and its size.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	if err := filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			fmt.Fprintln(&out, p, info.Size())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestBrokenEntry has entries in index.json that cannot be read: what is good
// beside them counts, and nothing is called unsigned without a word.
func TestBrokenEntry(t *testing.T) {
	dir := newLayout(t)
	key, pub := keys(t)
	policy := signing.Policy{Signers: by(t, pub)}
	img := openLayout(t, dir)
	file := filepath.Join(dir, "index.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	gone := fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:%s"},`, strings.Repeat("ab", 32))
	if err := os.WriteFile(file, []byte(strings.Replace(string(raw), `"manifests": [`, `"manifests": [`+gone, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := signing.Verify(t.Context(), img, policy); why(err) != signing.Unsigned || !strings.Contains(err.Error(), "1 attached file(s) cannot be read") {
		t.Errorf("alone: %v", err)
	}
	if _, err := signing.Sign(t.Context(), img, signing.Options{Signer: key}); err != nil {
		t.Fatal(err)
	}
	if _, err := signing.Verify(t.Context(), img, policy); err != nil {
		t.Errorf("beside a signature: %v", err)
	}
}
