package signing_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/signing"
)

const scan = "https://example.test/scan/v1"

// own attests a predicate of a number.
func own(t *testing.T, img signing.Image, o signing.Options, n int) signing.Result {
	t.Helper()
	res, err := signing.AttestPredicate(t.Context(), img, o, scan, fmt.Appendf(nil, `{"n":%d}`, n))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestReplace attests again and again. The newest counts; with Replace it is
// the only one, of this signer.
func TestReplace(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		for _, deletes := range []bool{true, false} {
			t.Run(fmt.Sprintf("referrers API %v, deletes %v", referrers, deletes), func(t *testing.T) {
				host := serve(t, referrers, func(h http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.Method == http.MethodDelete && !deletes {
							w.WriteHeader(http.StatusMethodNotAllowed)
							return
						}
						h.ServeHTTP(w, r)
					})
				})
				index, _ := push(t, host+"/app")
				key, pub := keys(t)
				other, otherPub := keys(t)
				sign(t, index, signing.Options{Signer: key})
				own(t, open(t, index), signing.Options{Signer: other}, 7)
				for n := range 3 {
					own(t, open(t, index), signing.Options{Signer: key}, n)
				}
				res := own(t, open(t, index), signing.Options{Signer: key, Replace: true}, 3)
				if deletes && (res.Removed != 3 || res.Left != 0) || !deletes && (res.Removed != 0 || res.Left != 3) {
					t.Errorf("replaced: %+v", res)
				}
				for _, c := range []struct {
					pem  []byte
					want string
				}{{pub, `{"n":3}`}, {otherPub, `{"n":7}`}} {
					docs, err := signing.Documents(t.Context(), open(t, index), scan, identities(t, c.pem)...)
					if err != nil || len(docs) != 1 || string(docs[0].Predicate) != c.want {
						t.Errorf("%s: %+v, %v", c.want, docs, err)
					}
				}
				if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)}); err != nil {
					t.Errorf("the signature: %v", err)
				}
			})
		}
	}
}

// TestOneGo signs and attests in one go, with one certificate, what the
// builder attached and statements of one's own.
func TestOneGo(t *testing.T) {
	s, root := stack(t)
	index := pushOne(t)
	o := signing.Options{Signer: keyless(t, s, root, 2, signerMail)}
	st := signing.Statements{Attached: true, Own: []signing.Predicate{{Type: scan, JSON: []byte(`{"ok":true}`)}}}
	res, err := signing.SignAndAttest(t.Context(), open(t, index), o, st)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Signed) != 5 || len(res.Attested) != 7 || s.Asked("fulcio") != 1 {
		t.Errorf("%+v, %d certificates", res, s.Asked("fulcio"))
	}
	if res.Signed[0] != index.DigestStr() {
		t.Errorf("signed %v", res.Signed)
	}
	policy := signing.Policy{Signers: named(t, s, root, signerMail, signing.Demands{}), Attestations: kinds(signing.SPDXPredicate, provenance, contents, scan)}
	if _, err := verify(t.Context(), t, index, policy); err != nil {
		t.Error(err)
	}
	if res, err = signing.SignAndAttest(t.Context(), open(t, index), o, st); err != nil || res.Kept != 12 {
		t.Errorf("again: %+v, %v", res, err)
	}
	// What is refused is refused before anything is written.
	fresh := pushOne(t)
	bad := signing.Statements{Own: []signing.Predicate{{Type: scan, JSON: []byte(`{"ok":true}`)}, {Type: "https://sigstore.dev/cosign/sign/v1", JSON: []byte("{}")}}}
	if _, err := signing.SignAndAttest(t.Context(), open(t, fresh), o, bad); err == nil || !strings.Contains(err.Error(), "type of signatures") {
		t.Error(err)
	}
	if _, err := verify(t.Context(), t, fresh, policy); why(err) != signing.Unsigned {
		t.Error(err)
	}
}
