package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var gitSSLOff = rule.Rule{
	Meta: rule.Meta{
		Name:     "git-ssl-off",
		Aliases:  []string{"CKV2_DOCKER_14"},
		Family:   rule.Secrets,
		Summary:  "git verifies TLS certificates",
		Why:      "Without a check of the server's certificate, anyone in between decides what git fetches. Name the certificate of the server's authority in GIT_SSL_CAINFO instead.",
		Bad:      "FROM debian:12\nRUN git -c http.sslVerify=false clone https://example.test/x.git\nENV GIT_SSL_NO_VERIFY=true\n",
		Good:     "FROM debian:12\nRUN git -c http.sslCAInfo=/etc/ssl/company.pem clone https://example.test/x.git\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkGitSSLOff,
}

func checkGitSSLOff(p *rule.Pass) {
	const what = "makes git fetch without TLS verification, so that anyone in between can change what it fetches"
	unverified.Arguments(p, func(c dockerfile.Command, i int) unverified.Off {
		if c.Name != "git" {
			return unverified.Off{}
		}
		// git -c http.sslVerify=false, git config http.sslVerify false
		if i+1 == len(c.Args) {
			return unverified.Off{}
		}
		word, next := strings.ToLower(c.Args[i].Text), c.Args[i+1].Text
		if key, value, _ := strings.Cut(strings.ToLower(next), "="); word == "-c" && verifies(key) && unverified.No(value) {
			return unverified.Off{Words: 2}
		}
		if verifies(word) && unverified.No(next) {
			return unverified.Off{Words: 2, Instead: "true"}
		}
		return unverified.Off{}
	}, what)
	unverified.Variables(p, []string{"GIT_SSL_NO_VERIFY"}, unverified.Yes, what)
	unverified.Variables(p, []string{"GIT_SSL_VERIFY"}, unverified.No, what)
}

// verifies reports whether a setting of git, in lower case, is about the check
// of certificates.
func verifies(key string) bool {
	return strings.HasPrefix(key, "http.") && (strings.HasSuffix(key, ".sslverify") || strings.HasSuffix(key, ".proxysslverify"))
}
