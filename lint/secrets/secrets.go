// Package secrets finds credentials by their value, with the detector and the
// rules of gitleaks. The rule secret-value of package rules knows the forms of
// the services that everyone uses; this checker adds the other two hundred.
//
// gitleaks is linked and not loaded: its package initialization costs a
// millisecond, its two hundred expressions fifteen, so they are compiled one by
// one when a line of a Dockerfile has a word that looks drawn at random and a
// word that the expression asks for. Most files have no such line and pay for
// one walk over their bytes. What gitleaks brings along, archives and terminals,
// is six megabytes of program, so the frontend image, which every builder pulls,
// goes without it.
package secrets

import (
	"context"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// Checker is a lint.Checker. It reports under Rule, which is the rule
// secret-value.
type Checker struct{ Rule *rule.Meta }

// For makes the checker when the rule that it reports under is among those
// that run.
func For(selected []rule.Rule) (c *Checker, ok bool) {
	for i := range selected {
		if selected[i].Name == "secret-value" {
			return &Checker{&selected[i].Meta}, true
		}
	}
	return nil, false
}

// maxLine is how much of a line is looked at, in bytes.
const maxLine = 64 << 10

// Check implements lint.Checker.
func (c *Checker) Check(ctx context.Context, f *dockerfile.File) ([]lint.Diagnostic, error) {
	var out []lint.Diagnostic
	for n := 1; n <= f.Lines(); n++ {
		line := f.Line(n)
		line = line[:min(len(line), maxLine)]
		if !suspicious(line) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := leaks(string(line))
		if err != nil {
			return nil, err
		}
		for _, l := range found {
			if harmless(l, string(line)) || said(f, n, l, string(line)) {
				continue
			}
			start := f.LineStart(n)
			out = append(out, lint.Diagnostic{Rule: c.Rule, Severity: c.Rule.Severity, File: f.File, Finding: rule.Finding{
				Span:    source.Span{Start: start + l.start, End: start + l.end},
				Message: "this looks like a secret (gitleaks: " + l.rule + "); take it out and revoke it",
			}})
		}
	}
	return out, nil
}

// harmless reports whether the rules of gitleaks see a secret where
// Dockerfiles have none: checksums and fingerprints beside the word key, words
// for others to fill in.
func harmless(l leak, line string) bool {
	secret := line[l.start:l.end]
	if credential.Placeholder(secret) || strings.HasPrefix(secret, "$") {
		return true
	}
	if credential.Publishable(secret) {
		return true
	}
	if l.rule != generic {
		return false
	}
	before := strings.TrimRight(line[:l.start], "\"'= \t")
	if credential.Public(before[strings.LastIndexAny(before, "\"'= \t")+1:]) {
		return true
	}
	return credential.Digest(secret) || credential.Fingerprint(secret) || credential.HarmlessValue(secret)
}

// said reports whether another rule says the same of the line already: a name
// of ENV or ARG that speaks of a credential, a password for curl.
func said(f *dockerfile.File, n int, l leak, line string) bool {
	if l.rule == "curl-auth-user" {
		return true
	}
	in, ok := f.At(n)
	if l.rule != generic || !ok || in.Keyword != "env" && in.Keyword != "arg" {
		return false
	}
	before := strings.TrimRight(strings.TrimRight(line[:l.start], `"' `+"\t"), "=")
	words := strings.Fields(before)
	return len(words) > 0 && credential.Name(words[len(words)-1])
}
