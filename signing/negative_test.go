package signing_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/signing"
)

// bundles reads the bundles that are attached to a digest, by predicate type.
func bundles(t *testing.T, d name.Digest) map[string]map[string]any {
	t.Helper()
	list, err := remote.Referrers(d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := list.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]any{}
	for _, desc := range m.Manifests {
		img, err := remote.Image(d.Context().Digest(desc.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		l, err := img.LayerByDigest(manifest.Layers[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		rc, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(rc)
		if err != nil {
			t.Fatal(err)
		}
		var b map[string]any
		if err := json.Unmarshal(raw, &b); err != nil {
			t.Fatal(err)
		}
		out[manifest.Annotations["dev.sigstore.bundle.predicateType"]] = b
	}
	return out
}

const signature = "https://sigstore.dev/cosign/sign/v1"

func part(b map[string]any, name string) map[string]any { return b[name].(map[string]any) }

// TestPutTogether attaches bundles that are put together from parts of good
// ones, as someone who can push but not sign would. Each has its own message.
func TestPutTogether(t *testing.T) {
	s, root := stack(t)
	for _, version := range []int{1, 2} {
		signer := keyless(t, s, root, version, signerMail)
		o := signing.Options{Signer: signer}
		host := serve(t, true, nil)
		good, _ := push(t, host+"/good")
		if _, err := signing.SignAndAttest(t.Context(), open(t, good), o, signing.Statements{Own: []signing.Predicate{{Type: scan, JSON: []byte(`{"ok":true}`)}}}); err != nil {
			t.Fatal(err)
		}
		stranger, _ := push(t, host+"/stranger")
		sign(t, stranger, signing.Options{Signer: keyless(t, s, root, version, "evil@example.test")})
		parts, others := bundles(t, good), bundles(t, stranger)
		policy := signing.Policy{Signers: named(t, s, root, signerMail, signing.Demands{}), Attestations: kinds(scan)}
		for label, c := range map[string]struct {
			make func() map[string]any
			why  signing.Why
			says string
		}{
			"the signature of another image": {func() map[string]any { return parts[signature] }, signing.OtherDigest, good.DigestStr()},
			"the log entry of another body": {func() map[string]any {
				b := parts[signature]
				part(b, "verificationMaterial")["tlogEntries"] = part(parts[scan], "verificationMaterial")["tlogEntries"]
				return b
			}, signing.WrongLog, "does not count"},
			"no log entry": {func() map[string]any {
				b := parts[signature]
				delete(part(b, "verificationMaterial"), "tlogEntries")
				return b
			}, signing.WrongLog, "not enough verified log entries"},
			"the certificate of the signer over a signature by another": {func() map[string]any {
				b := others[signature]
				part(b, "verificationMaterial")["certificate"] = part(parts[signature], "verificationMaterial")["certificate"]
				return b
			}, signing.WrongLog, "does not count"},
			"another statement under the signature": {func() map[string]any {
				b := parts[signature]
				part(b, "dsseEnvelope")["payload"] = part(parts[scan], "dsseEnvelope")["payload"]
				return b
			}, signing.Unsigned, "there is no signature"},
		} {
			// Each takes the bundles apart anew.
			parts, others = bundles(t, good), bundles(t, stranger)
			victim, _ := push(t, serve(t, true, nil)+"/app")
			raw, err := json.Marshal(c.make())
			if err != nil {
				t.Fatal(err)
			}
			attachRaw(t, victim, raw)
			if _, err := verify(t.Context(), t, victim, policy); why(err) != c.why || !strings.Contains(err.Error(), c.says) {
				t.Errorf("version %d, %s: %v", version, label, err)
			}
		}
		// On the same image: a predicate that was swapped, below a signature of
		// the same signer.
		parts = bundles(t, good)
		b := parts[scan]
		part(b, "dsseEnvelope")["payload"] = part(others[signature], "dsseEnvelope")["payload"]
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		fresh, _ := push(t, serve(t, true, nil)+"/app")
		sign(t, fresh, o)
		attachRaw(t, fresh, raw)
		if _, err := verify(t.Context(), t, fresh, policy); why(err) != signing.Unattested {
			t.Errorf("version %d, a swapped predicate: %v", version, err)
		}
	}
}

// TestSuperseded attests that all is well, and then that it is not: the older
// statement does not count any more, wherever it stands in the list.
func TestSuperseded(t *testing.T) {
	s, root := stack(t)
	index := pushOne(t)
	o := signing.Options{Signer: keyless(t, s, root, 1, signerMail)}
	sign(t, index, o)
	ok := signing.Check{Name: "ok", Run: func(raw json.RawMessage) (string, error) {
		if strings.Contains(string(raw), `"n":0`) {
			return "zero", nil
		}
		return "", io.ErrUnexpectedEOF
	}}
	policy := signing.Policy{Signers: named(t, s, root, signerMail, signing.Demands{}), Attestations: []signing.Requirement{{Type: scan, Checks: []signing.Check{ok}}}}
	own(t, open(t, index), o, 0)
	if got, err := verify(t.Context(), t, index, policy); err != nil || got.Attestations[0].Checks[0].Found != "zero" {
		t.Fatalf("%+v, %v", got, err)
	}
	own(t, open(t, index), o, 1)
	if got, err := verify(t.Context(), t, index, policy); why(err) != signing.Says || !strings.Contains(err.Error(), "the newest of 2 attestations") || got.Verified || got.Against == nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestForeignFormats has a bundle by a stranger beside a good signature of the
// older format, and the other way round.
func TestForeignFormats(t *testing.T) {
	key, pub := keys(t)
	other, _ := keys(t)
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		index := pushOne(t)
		sign(t, index, signing.Options{Signer: key, Format: format})
		if err := signing.SignRaw(t.Context(), open(t, index), other, []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"https://example.test/x","predicate":{}}`), map[signing.Format]signing.Format{signing.Bundle: signing.Legacy, signing.Legacy: signing.Bundle}[format]); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)}); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// TestThreshold asks for several signers, of which one may match two names.
func TestThreshold(t *testing.T) {
	s, root := stack(t)
	key, pub := keys(t)
	index := pushOne(t)
	sign(t, index, signing.Options{Signer: keyless(t, s, root, 2, signerMail)})
	exact := named(t, s, root, signerMail, signing.Demands{}).Of[0]
	loose, err := signing.CertificateIdentity(signing.Name{Regexp: `.*@example\.test`}, signing.Name{Text: s.Issuer()}, root, signing.Demands{})
	if err != nil {
		t.Fatal(err)
	}
	two := signing.Policy{Signers: signing.Signers{Of: append([]signing.Identity{loose, exact}, identities(t, pub)...), Need: 2}}
	if _, err := verify(t.Context(), t, index, two); why(err) != signing.TooFew {
		t.Errorf("one signer with two names: %v", err)
	}
	sign(t, index, signing.Options{Signer: key})
	got, err := verify(t.Context(), t, index, two)
	if err != nil || len(got.SignedBy) != 2 {
		t.Errorf("%+v, %v", got.SignedBy, err)
	}
	three := two
	three.Signers.Need = 3
	if _, err := verify(t.Context(), t, index, three); why(err) != signing.TooFew {
		t.Errorf("three: %v", err)
	}
	sign(t, index, signing.Options{Signer: keyless(t, s, root, 2, "other@example.test")})
	if got, err := verify(t.Context(), t, index, three); err != nil || len(got.SignedBy) != 3 {
		t.Errorf("a third: %+v, %v", got.SignedBy, err)
	}
}
