package signing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/internal/cosign/cosigntest"
)

const signerMail = "ci@example.test"

// stack is a Sigstore in memory, its trusted root, and a signer of a name that
// uses a log of a version.
func stack(t testing.TB) (*cosigntest.Stack, *signing.TrustedRoot) {
	t.Helper()
	s := cosigntest.Start(t)
	root, err := signing.ParseTrustedRoot("root.json", s.TrustedRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	return s, root
}

func services(t testing.TB, s *cosigntest.Stack, version int) signing.Services {
	t.Helper()
	out, err := signing.ParseServices("config.json", s.SigningConfig(version), nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func keyless(t testing.TB, s *cosigntest.Stack, root *signing.TrustedRoot, version int, mail string) signing.Signer {
	t.Helper()
	k, err := signing.NewKeyless(services(t, s, version), root, func(context.Context) (string, error) { return s.Token(mail), nil })
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// named is a policy's signers: one name, vouched for by the stack's issuer.
func named(t testing.TB, s *cosigntest.Stack, root *signing.TrustedRoot, mail string, d signing.Demands) signing.Signers {
	t.Helper()
	id, err := signing.CertificateIdentity(signing.Name{Text: mail}, signing.Name{Text: s.Issuer()}, root, d)
	if err != nil {
		t.Fatal(err)
	}
	return signing.AnyOf(id)
}

// TestKeyless signs and attests an index with one certificate, and verifies it,
// for each kind of log, in both formats.
func TestKeyless(t *testing.T) {
	for _, c := range []struct {
		version int
		format  signing.Format
	}{{1, signing.Bundle}, {2, signing.Bundle}, {0, signing.Bundle}, {1, signing.Legacy}} {
		t.Run(fmt.Sprintf("log version %d, %s", c.version, c.format), func(t *testing.T) {
			s, root := stack(t)
			index, _ := push(t, serve(t, true, nil)+"/app")
			o := signing.Options{Signer: keyless(t, s, root, c.version, signerMail), Format: c.format}
			if res := sign(t, index, o); len(res.Signed) != 5 || res.Kept != 0 {
				t.Errorf("signed %+v", res)
			}
			attest(t, index, o)
			if n := s.Asked(cosigntest.Fulcio); n != 1 {
				t.Errorf("%d certificates", n)
			}
			d := signing.Demands{}
			if c.version == 0 {
				d.Log = signing.Optional
			}
			policy := signing.Policy{Signers: named(t, s, root, signerMail, d), Attestations: kinds(signing.SPDXPredicate, provenance, contents)}
			got, err := verify(t.Context(), t, index, policy)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Verified || len(got.Attestations) != 6 || len(got.SignedBy) != 1 {
				t.Fatalf("verified %+v", got)
			}
			by := got.SignedBy[0]
			if by.Subject != signerMail || by.Issuer != s.Issuer() || len(by.Times) == 0 || len(by.Logs) != min(c.version, 1) {
				t.Errorf("signed by %+v", by)
			}
			for _, l := range by.Logs {
				if want := fmt.Sprintf("%s/rekor%d", s.URL, c.version); l.Log != want {
					t.Errorf("in the log %s, want %s", l.Log, want)
				}
			}
			// A certificate of another time is the same signer, and what it has
			// signed is not signed again.
			if c.version > 0 {
				again := signing.Options{Signer: keyless(t, s, root, c.version, signerMail), Format: c.format}
				if res := sign(t, index, again); res.Kept != 5 {
					t.Errorf("again: %+v", res)
				}
			}
		})
	}
	t.Run("log version 2, legacy", func(t *testing.T) {
		s, root := stack(t)
		index, _ := push(t, serve(t, true, nil)+"/app")
		_, err := signing.Sign(t.Context(), open(t, index), signing.Options{Signer: keyless(t, s, root, 2, signerMail), Format: signing.Legacy})
		if err == nil || !strings.Contains(err.Error(), "use --format bundle") {
			t.Error(err)
		}
	})
}

// TestLoggedKey signs with a key into a log. Whoever asks for the log entry gets
// it; without one, the signature is not enough.
func TestLoggedKey(t *testing.T) {
	for _, version := range []int{1, 2} {
		for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
			if version == 2 && format == signing.Legacy {
				continue
			}
			s, root := stack(t)
			key, pub := keys(t)
			index, _ := push(t, serve(t, true, nil)+"/app")
			logged, err := signing.LoggedKey(pub, root, signing.Demands{Log: signing.Required})
			if err != nil {
				t.Fatal(err)
			}
			policy := signing.Policy{Signers: signing.AnyOf(logged)}
			sign(t, index, signing.Options{Signer: key, Format: format})
			if _, err := verify(t.Context(), t, index, policy); why(err) != signing.WrongLog {
				t.Errorf("%d, %s: without an entry: %v", version, format, err)
			}
			k, err := key.Logged(services(t, s, version), root)
			if err != nil {
				t.Fatal(err)
			}
			if res := sign(t, index, signing.Options{Signer: k, Format: format}); res.Kept != 0 {
				t.Errorf("%d, %s: what is in no log was taken for signed: %+v", version, format, res)
			}
			got, err := verify(t.Context(), t, index, policy)
			if err != nil {
				t.Errorf("%d, %s: %v", version, format, err)
				continue
			}
			if len(got.SignedBy[0].Logs) != 1 || got.SignedBy[0].Key == "" {
				t.Errorf("%d, %s: %+v", version, format, got.SignedBy)
			}
			if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)}); err != nil {
				t.Errorf("%d, %s: no log is asked for: %v", version, format, err)
			}
		}
	}
}

// TestStrangers asks for everyone but the one who signed.
func TestStrangers(t *testing.T) {
	s, root := stack(t)
	_, otherRoot := stack(t)
	index, _ := push(t, serve(t, true, nil)+"/app")
	sign(t, index, signing.Options{Signer: keyless(t, s, root, 2, signerMail)})
	_, pub := keys(t)
	exact := func(text string) signing.Name { return signing.Name{Text: text} }
	expr := func(text string) signing.Name { return signing.Name{Regexp: text} }
	for label, c := range map[string]struct {
		subject, issuer signing.Name
		root            *signing.TrustedRoot
		d               signing.Demands
		why             signing.Why
		says            string
	}{
		"right":                  {exact(signerMail), exact(s.Issuer()), root, signing.Demands{}, "", ""},
		"right, all required":    {exact(signerMail), exact(s.Issuer()), root, signing.Demands{Log: signing.Required, Timestamp: signing.Required, CT: signing.Required}, "", ""},
		"right expression":       {expr(`.*@example\.test`), expr(`http://127\.0\.0\.1:\d+/oidc`), root, signing.Demands{}, "", ""},
		"another name":           {exact("evil@example.test"), exact(s.Issuer()), root, signing.Demands{}, signing.WrongIdentity, "none by evil@example.test, vouched for by " + s.Issuer() + "; by " + signerMail},
		"a prefix of the name":   {exact("ci@example.tes"), exact(s.Issuer()), root, signing.Demands{}, signing.WrongIdentity, "by " + signerMail},
		"a prefix as expression": {expr("ci@example"), exact(s.Issuer()), root, signing.Demands{}, signing.WrongIdentity, "by " + signerMail},
		"another issuer":         {exact(signerMail), exact("https://issuer.test"), root, signing.Demands{}, signing.WrongIssuer, "vouched for by " + s.Issuer()},
		"another root":           {exact(signerMail), exact(s.Issuer()), otherRoot, signing.Demands{}, signing.WrongLog, "does not count"},
		"another root, no log":   {exact(signerMail), exact(s.Issuer()), otherRoot, signing.Demands{Log: signing.Optional}, signing.WrongTime, "does not count"},
	} {
		id, err := signing.CertificateIdentity(c.subject, c.issuer, c.root, c.d)
		if err != nil {
			t.Errorf("%s: %v", label, err)
			continue
		}
		_, err = verify(t.Context(), t, index, signing.Policy{Signers: signing.AnyOf(id)})
		if why(err) != c.why || (c.why == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", label, err)
		}
	}
	if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub)}); why(err) != signing.WrongKey || !strings.Contains(err.Error(), "by "+signerMail) {
		t.Errorf("a key: %v", err)
	}
}

// TestNobody refuses identities that anyone has.
func TestNobody(t *testing.T) {
	_, root := stack(t)
	ok := signing.Name{Text: "x"}
	for label, c := range map[string]struct {
		subject, issuer signing.Name
		root            *signing.TrustedRoot
		says            string
	}{
		"no issuer":     {ok, signing.Name{}, root, "there is no issuer"},
		"no name":       {signing.Name{}, ok, root, "there is no identity"},
		"everyone":      {signing.Name{Regexp: ".*"}, ok, root, "matches anyone"},
		"anything":      {signing.Name{Regexp: "[^x]+"}, ok, root, "matches anyone"},
		"the empty one": {signing.Name{Regexp: "a?"}, ok, root, "matches anyone"},
		"any issuer":    {ok, signing.Name{Regexp: ".+"}, root, "matches anyone"},
		"both":          {signing.Name{Text: "a", Regexp: "a"}, ok, root, "both a text and a regular expression"},
		"broken":        {signing.Name{Regexp: "("}, ok, root, "missing closing"},
		"tricked":       {signing.Name{Regexp: "a)|(?:.*"}, ok, root, "unexpected )"},
		"no root":       {ok, ok, nil, "trusted root"},
	} {
		if _, err := signing.CertificateIdentity(c.subject, c.issuer, c.root, signing.Demands{}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", label, err)
		}
	}
	if _, err := verify(t.Context(), t, pushOne(t), signing.Policy{}); err == nil || !strings.Contains(err.Error(), "names no one") {
		t.Error(err)
	}
	_, pub := keys(t)
	two := by(t, pub, pub)
	two.Need = 2
	if _, err := verify(t.Context(), t, pushOne(t), signing.Policy{Signers: two}); err == nil || !strings.Contains(err.Error(), "asks for 2 signers and names 1") {
		t.Error(err)
	}
}

// TestTimes moves the stack's clock.
func TestTimes(t *testing.T) {
	check := func(t *testing.T, s *cosigntest.Stack, root *signing.TrustedRoot, version int, d signing.Demands) error {
		t.Helper()
		index, _ := push(t, serve(t, true, nil)+"/app")
		// Without a root, what is signed is not verified before it is attached.
		sign(t, index, signing.Options{Signer: keyless(t, s, nil, version, signerMail)})
		_, err := verify(t.Context(), t, index, signing.Policy{Signers: named(t, s, root, signerMail, d)})
		return err
	}
	t.Run("two hours off", func(t *testing.T) {
		// The intermediate of the stack's authority is two minutes old, and
		// certificates of before that are nobody's.
		s, root := stack(t)
		s.Now = func() time.Time { return time.Now().Add(90 * time.Minute) }
		for _, version := range []int{1, 2} {
			if err := check(t, s, root, version, signing.Demands{}); version == 1 && err != nil {
				t.Errorf("ahead, version %d: %v", version, err)
			}
		}
		s.Now = func() time.Time { return time.Now().Add(-2 * time.Hour) }
		if err := check(t, s, root, 1, signing.Demands{}); why(err) != signing.WrongCertificate {
			t.Errorf("behind: %v", err)
		}
	})
	t.Run("used after its end", func(t *testing.T) {
		s, root := stack(t)
		var n atomic.Int64
		s.Now = func() time.Time { // certificate and promise first, the log's entry later
			if n.Add(1) <= 3 {
				return time.Now()
			}
			return time.Now().Add(30 * time.Minute)
		}
		if err := check(t, s, root, 1, signing.Demands{}); why(err) != signing.WrongLog || !strings.Contains(err.Error(), "outside certificate validity") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("timestamp outside validity", func(t *testing.T) {
		s, root := stack(t)
		var n atomic.Int64
		s.Now = func() time.Time {
			if n.Add(1) <= 3 {
				return time.Now()
			}
			return time.Now().Add(8 * time.Minute) // while the stamper's certificate lasts, which is older
		}
		err := check(t, s, root, 0, signing.Demands{Log: signing.Optional})
		if err != nil {
			t.Errorf("within: %v", err)
		}
		n.Store(0)
		s.Now = func() time.Time {
			if n.Add(1) <= 3 {
				return time.Now().Add(-30 * time.Minute)
			}
			return time.Now()
		}
		if err := check(t, s, root, 0, signing.Demands{Log: signing.Optional}); why(err) != signing.WrongCertificate {
			t.Errorf("outside: %v", err)
		}
	})
	t.Run("no certificate transparency", func(t *testing.T) {
		s, root := stack(t)
		s.NoSCT = true
		if err := check(t, s, root, 2, signing.Demands{}); why(err) != signing.WrongCT {
			t.Errorf("by default: %v", err)
		}
		if err := check(t, s, root, 2, signing.Demands{CT: signing.Optional}); err != nil {
			t.Errorf("not asked for: %v", err)
		}
	})
}

// TestServices has each service fail in the middle: for a moment, which is
// waited for, and for good, which leaves nothing half signed.
func TestServices(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for services")
	}
	for _, service := range []string{cosigntest.Fulcio, cosigntest.Rekor1, cosigntest.Rekor2, cosigntest.TSA} {
		version := 2
		if service == cosigntest.Rekor1 {
			version = 1
		}
		for _, status := range []int{http.StatusTooManyRequests, http.StatusBadGateway} {
			s, root := stack(t)
			var failed atomic.Int64
			s.Answer = func(name string, w http.ResponseWriter, _ *http.Request) bool {
				if name != service || failed.Add(1) > 2 {
					return false
				}
				w.WriteHeader(status)
				return true
			}
			index, _ := push(t, serve(t, true, nil)+"/app")
			if _, err := signing.Sign(t.Context(), open(t, index), signing.Options{Signer: keyless(t, s, root, version, signerMail)}); err != nil {
				t.Errorf("%s fails twice with %d: %v", service, status, err)
			}
		}
		s, root := stack(t)
		s.Answer = func(name string, w http.ResponseWriter, _ *http.Request) bool {
			if name == service {
				w.WriteHeader(http.StatusForbidden)
			}
			return name == service
		}
		index, _ := push(t, serve(t, true, nil)+"/app")
		if _, err := signing.Sign(t.Context(), open(t, index), signing.Options{Signer: keyless(t, s, root, version, signerMail)}); err == nil {
			t.Errorf("%s is gone, and it was signed", service)
		} else if strings.Contains(err.Error(), s.Token(signerMail)) {
			t.Errorf("%s: the token is in the error", service)
		}
		if _, err := verify(t.Context(), t, index, signing.Policy{Signers: named(t, s, root, signerMail, signing.Demands{})}); why(err) != signing.Unsigned {
			t.Errorf("%s is gone: %v", service, err)
		}
	}
}

// TestCutOff has each service end the connection in the middle of its answer, for
// a moment and for good.
func TestCutOff(t *testing.T) {
	for _, service := range []string{cosigntest.Fulcio, cosigntest.Rekor2, cosigntest.TSA} {
		for _, often := range []int64{1, 1 << 30} {
			s, root := stack(t)
			var cut atomic.Int64
			s.Answer = func(name string, _ http.ResponseWriter, _ *http.Request) bool {
				if name == service && cut.Add(1) <= often {
					panic(http.ErrAbortHandler)
				}
				return false
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			index, _ := push(t, serve(t, true, nil)+"/app")
			start := time.Now()
			_, err := signing.Sign(ctx, open(t, index), signing.Options{Signer: keyless(t, s, root, 2, signerMail)})
			cancel()
			if (err == nil) != (often == 1) {
				t.Errorf("%s ends %d connections: %v", service, often, err)
			}
			// No client goes on once the context has ended.
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s ends %d connections: signing gave up after %v, want after 3 s", service, often, took)
			}
		}
	}
}

// TestInterrupted ends the signing at each manifest that is written: what is
// there is whole, and the index is not signed before what is in it.
func TestInterrupted(t *testing.T) {
	key, pub := keys(t)
	for n := range int64(11) {
		ctx, cancel := context.WithCancel(t.Context())
		var puts atomic.Int64
		var on atomic.Bool
		host := serve(t, true, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if on.Load() && r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") && puts.Add(1) > n {
					cancel()
				}
				h.ServeHTTP(w, r)
			})
		})
		index, _ := push(t, host+"/app")
		on.Store(true)
		_, err := signing.SignAndAttest(ctx, open(t, index), signing.Options{Signer: key}, signing.Statements{Attached: true})
		cancel()
		on.Store(false)
		if err == nil && n < 10 {
			t.Errorf("after %d: no error", n)
		}
		branches, err := signing.Tree(t.Context(), open(t, index), identities(t, pub)...)
		if err != nil {
			t.Fatal(err)
		}
		whole := true
		for i, b := range branches {
			if b.Problem != "" {
				t.Errorf("after %d: %s", n, b.Problem)
			}
			signed := false
			for _, l := range b.Leaves {
				if !l.Verified {
					t.Errorf("after %d: %+v", n, l)
				}
				signed = signed || l.Signature
			}
			whole = whole && (i == 0 || signed)
		}
		if signed := len(branches[0].Leaves) > 0; signed && !whole {
			t.Errorf("after %d: the index is signed, and not all of it", n)
		}
		// The next run makes it whole.
		if _, err := signing.SignAndAttest(t.Context(), open(t, index), signing.Options{Signer: key}, signing.Statements{Attached: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub), Attestations: kinds(signing.SPDXPredicate, provenance, contents)}); err != nil {
			t.Errorf("after %d: %v", n, err)
		}
	}
}

// TestConflict has the log know the entry already.
func TestConflict(t *testing.T) {
	s, root := stack(t)
	var n atomic.Int64
	s.Answer = func(name string, w http.ResponseWriter, _ *http.Request) bool {
		if name == cosigntest.Rekor2 && n.Add(1) == 1 {
			w.WriteHeader(http.StatusConflict)
			return true
		}
		return false
	}
	index, _ := push(t, serve(t, true, nil)+"/app")
	sign(t, index, signing.Options{Signer: keyless(t, s, root, 2, signerMail)})
	if _, err := verify(t.Context(), t, index, signing.Policy{Signers: named(t, s, root, signerMail, signing.Demands{})}); err != nil {
		t.Error(err)
	}
	// Version 1 gives the entry out. The answer to the first request is lost.
	var lost atomic.Bool
	s.Answer = func(name string, w http.ResponseWriter, r *http.Request) bool {
		if name != cosigntest.Rekor1 || r.Method != http.MethodPost || lost.Swap(true) {
			return false
		}
		s.Serve(cosigntest.Rekor1, r)
		w.WriteHeader(http.StatusBadGateway)
		return true
	}
	index, _ = push(t, serve(t, true, nil)+"/app")
	sign(t, index, signing.Options{Signer: keyless(t, s, root, 1, signerMail)})
	if _, err := verify(t.Context(), t, index, signing.Policy{Signers: named(t, s, root, signerMail, signing.Demands{})}); err != nil {
		t.Error(err)
	}
}

// TestRenewed has a token run out between two signatures: a new one is asked
// for with the next certificate.
func TestRenewed(t *testing.T) {
	s, root := stack(t)
	s.Short = 30 * time.Second // of which all but one are spare
	tokens := 0
	k, err := signing.NewKeyless(services(t, s, 2), root, func(context.Context) (string, error) { tokens++; return s.Token(signerMail), nil })
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		index, _ := push(t, serve(t, true, nil)+"/app")
		sign(t, index, signing.Options{Signer: k})
		time.Sleep(1100 * time.Millisecond)
	}
	if tokens != s.Asked(cosigntest.Fulcio) || tokens < 2 {
		t.Errorf("%d tokens, %d certificates", tokens, s.Asked(cosigntest.Fulcio))
	}
	failing, err := signing.NewKeyless(services(t, s, 2), root, func(context.Context) (string, error) { return "", errors.New("no one is there") })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signing.Sign(t.Context(), open(t, pushOne(t)), signing.Options{Signer: failing}); err == nil || !strings.Contains(err.Error(), "no one is there") {
		t.Error(err)
	}
}
