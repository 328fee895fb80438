package secrets_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/secrets"
	"github.com/whittle-oci/whittle/lint/source"
)

// run gives what the checker alone says: rule of gitleaks and text.
func run(t *testing.T, text string) []string {
	t.Helper()
	c, ok := secrets.For(rules.All())
	if !ok {
		t.Fatal("there is no rule secret-value")
	}
	src := source.NewFile("Dockerfile", []byte(text))
	diags, err := lint.Run(t.Context(), src, lint.Options{Checkers: []lint.Checker{c}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range diags {
		if d.Rule.Name != "secret-value" {
			t.Fatalf("reported under %s", d.Rule.Name)
		}
		_, name, _ := strings.Cut(d.Message, "gitleaks: ")
		name, _, _ = strings.Cut(name, ")")
		out = append(out, name+" "+text[d.Span.Start:d.Span.End])
	}
	return out
}

func TestCheck(t *testing.T) {
	const pat = "ghp_1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuVwXyZ"
	for _, c := range []struct{ name, text, want string }{
		{"a token in ENV", "ENV A=1 \\\n    GH=" + pat + "\n", "github-pat " + pat},
		{"in LABEL", "LABEL x=\"" + pat + "\"\n", "github-pat " + pat},
		{"in a heredoc", "COPY <<EOF /root/.npmrc\n//npm.example.test/:_authToken=npm_1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuVwXyZ\nEOF\n", "npm-access-token npm_1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuVwXyZ"},
		{"a service that few use", "RUN echo 'TRAVIS_TOKEN=AbCd1234EfGh5678IjKl12'>x\n", "travisci-access-token AbCd1234EfGh5678IjKl12"},
		{"by entropy", "RUN echo 'api_secret = \"k8Fh3mQz91LpXw7Tb2Vn\"' > /etc/x\n", "generic-api-key k8Fh3mQz91LpXw7Tb2Vn"},
		{"a header", "RUN curl -H \"Authorization: Bearer k8Fh3mQz91LpXw7Tb2Vn\" https://example.test\n", "curl-auth-header k8Fh3mQz91LpXw7Tb2Vn"},
		{"what the name says already", "ENV API_TOKEN=k8Fh3mQz91LpXw7Tb2Vn\n", ""},
		{"the same in the older form", "ENV API_TOKEN k8Fh3mQz91LpXw7Tb2Vn\n", ""},
		{"a fingerprint", "ENV GPG_KEY=C874011F0AB405110D02105534365D9472D7468F\nRUN key='C874011F0AB405110D02105534365D9472D7468F'; gpg --recv-keys \"$key\"\n", ""},
		{"a checksum", "ENV KEY_SHA512=\"e09fa32f0a0eab2b879ccbbc4d0e4fb9751486eedda75e35fac65802cc9faa266425edf83e261137a2f4d16281ce2c1a5f4502930fe75154723da014214f0655\"\n", ""},
		{"a commit", "RUN git clone x && git checkout 3f786850e387550fdab836ed7e6dc881de23001b # key\n", ""},
		{"a placeholder", "LABEL api_key=\"your_api_key_1A2b3C4d5E6f\"\n", ""},
		{"a digest", "COPY --from=alpine@sha256:c5b1261d6d3e43071626931fc004f70149baeba2c8ec672bd4f27761f8e1ad6b /key /token\n", ""},
		{"packages", "RUN apt-get install -y libgstreamer-plugins-base1.0-0 linux-headers-5.10.0-8-amd64 apt-key x86_64-linux-gnu-api\n", ""},
		{"gitleaks' own comment", "RUN use " + pat + " # gitleaks:allow\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if got := run(t, "FROM debian:12\n"+c.text); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestOnce holds the checker and the rule of package rules to one report of
// one secret.
func TestOnce(t *testing.T) {
	all := rules.All()
	c, _ := secrets.For(all)
	src := source.NewFile("Dockerfile", []byte("FROM debian:12\nLABEL gh=ghp_1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuVwXyZ\n"))
	only := slices.DeleteFunc(rules.All(), func(r rule.Rule) bool { return r.Name != "secret-value" })
	diags, err := lint.Run(t.Context(), src, lint.Options{Rules: only, Checkers: []lint.Checker{c}})
	if err != nil || len(diags) != 1 {
		t.Errorf("%d reports (%v)", len(diags), err)
	}
	if _, ok := secrets.For(nil); ok {
		t.Error("the checker runs without its rule")
	}
}
