package signing_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/whittle-oci/whittle/signing"
)

// standing is what is said of each document: "no", "signed" or "verified".
func standing(docs []signing.Document) (out []string) {
	for _, d := range docs {
		word := "no"
		switch {
		case d.Verified:
			word = "verified"
		case d.Signed:
			word = "signed"
		}
		out = append(out, d.Platform+" "+word)
	}
	return out
}

// TestDocumentsSigned asks of the same index before and after it is attested,
// with the right key, with another, and with none.
func TestDocumentsSigned(t *testing.T) {
	key, pub := keys(t)
	_, other := keys(t)
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		host := serve(t, true, nil)
		index, platform := push(t, host+"/app")
		read := func(t *testing.T, ref name.Digest, pems ...[]byte) ([]signing.Document, error) {
			t.Helper()
			return signing.Documents(t.Context(), open(t, ref), contents, identities(t, pems...)...)
		}
		holds := func(t *testing.T, ref name.Digest, want []string, pems ...[]byte) {
			t.Helper()
			docs, err := read(t, ref, pems...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, standing(docs)); diff != "" {
				t.Errorf("%s: -want +got\n%s", format, diff)
			}
			if !strings.Contains(string(docs[0].Predicate), "SPDXRef-DOCUMENT") {
				t.Errorf("%s: predicate %s", format, docs[0].Predicate)
			}
		}
		holds(t, index, []string{"linux/amd64 no", "linux/arm64 no"})
		if _, err := read(t, index, pub); why(err) != signing.Unattested {
			t.Errorf("%s: nothing is signed, but %v", format, err)
		}
		attest(t, index, signing.Options{Signer: key, Format: format})
		holds(t, index, []string{"linux/amd64 signed", "linux/arm64 signed"})
		holds(t, index, []string{"linux/amd64 verified", "linux/arm64 verified"}, other, pub)
		if _, err := read(t, index, other); why(err) != signing.WrongKey {
			t.Errorf("%s: another key: %v", format, err)
		}
		// A signed attestation serves where the index is not at hand.
		holds(t, platform, []string{" signed"})
		holds(t, platform, []string{" verified"}, pub)
	}
}

// TestDocumentsForeign attests something else under the type of what the
// builder attached: the builder's stays, and does not count as signed.
func TestDocumentsForeign(t *testing.T) {
	key, pub := keys(t)
	index, platform := push(t, serve(t, true, nil)+"/app")
	if _, err := signing.AttestPredicate(t.Context(), open(t, platform), signing.Options{Signer: key}, contents, []byte(`{"forged":true}`)); err != nil {
		t.Fatal(err)
	}
	docs, err := signing.Documents(t.Context(), open(t, index), contents)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(docs[0].Predicate), "forged") || docs[0].Signed {
		t.Errorf("got %+v", docs[0])
	}
	// Of the other platform nothing is signed, so a key is not content.
	if _, err := signing.Documents(t.Context(), open(t, index), contents, identities(t, pub)...); why(err) != signing.Unattested {
		t.Errorf("one platform of two is attested: %v", err)
	}
	// An attestation of the index speaks for all of it.
	if _, err := signing.AttestPredicate(t.Context(), open(t, index), signing.Options{Signer: key}, contents, []byte(`{"version":1}`)); err != nil {
		t.Fatal(err)
	}
	if docs, err = signing.Documents(t.Context(), open(t, index), contents, identities(t, pub)...); err != nil || !docs[0].Verified || string(docs[0].Predicate) != `{"version":1}` {
		t.Errorf("got %+v, %v", docs, err)
	}
}

// TestDocumentsNameless reads what a builder attached to an image without a
// name, which says of no image what it is about.
func TestDocumentsNameless(t *testing.T) {
	index, _ := builtWith(t, `{"_type":"https://in-toto.io/Statement/v1","predicateType":"`+contents+`","subject":[],"predicate":{}}`)
	_, err := signing.Documents(t.Context(), open(t, index), contents)
	if want := "names no image, so it is not read: the build gave the image no name, build it with -t NAME"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}
