package config

import (
	"context"
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/predicate"
)

// shortTypes are names for predicate types, most of them cosign's.
var shortTypes = []struct{ name, uri string }{
	{"spdx", signing.SPDXPredicate},
	{"spdxjson", signing.SPDXPredicate},
	{"cyclonedx", "https://cyclonedx.org/bom"},
	{"slsaprovenance", predicate.SLSA02},
	{"slsaprovenance02", predicate.SLSA02},
	{"slsaprovenance1", predicate.SLSA1},
	{"vuln", predicate.Vuln},
	{"openvex", "https://openvex.dev/ns"},
	{"contents", predicate.Contents},
	{"lint", predicate.Lint},
}

// TypeNames are the short names of predicate types.
func TypeNames() []string {
	var out []string
	for _, t := range shortTypes {
		out = append(out, t.name)
	}
	return out
}

// PredicateType is the URI of a short name, or the URI itself; ok is false for
// what is neither.
func PredicateType(name string) (uri string, ok bool) {
	for _, t := range shortTypes {
		if t.name == name {
			return t.uri, true
		}
	}
	return name, strings.Contains(name, ":")
}

// check refuses what can say nothing of a type: it would never be looked at.
func (a Attestation) check() error {
	uri, ok := PredicateType(a.Type)
	if !ok {
		return &Error{a.Place, fmt.Sprintf("type: %q is neither a URI nor one of %s", a.Type, strings.Join(TypeNames(), ", "))}
	}
	for _, x := range []struct {
		set   bool
		key   string
		types []string
	}{
		{a.MaxFiles != nil, "max-files", []string{predicate.Contents}},
		{a.NoShell, "no-shell", []string{predicate.Contents}},
		{a.UserNotRoot, "user-not-root", []string{predicate.Contents}},
		{a.NoLintErrors, "no-lint-errors", []string{predicate.Lint}},
		{a.BuilderID != "", "builder-id", []string{predicate.SLSA1, predicate.SLSA02}},
		{a.BuilderIDRegexp != "", "builder-id-regexp", []string{predicate.SLSA1, predicate.SLSA02}},
		{a.SourceURI != "", "source-uri", []string{predicate.SLSA1, predicate.SLSA02}},
		{a.SourceURIRegexp != "", "source-uri-regexp", []string{predicate.SLSA1, predicate.SLSA02}},
		{a.MaxSeverity != "", "max-severity", []string{predicate.Vuln}},
	} {
		if x.set && !strings.Contains(" "+strings.Join(x.types, " ")+" ", " "+uri+" ") {
			return &Error{a.Place, fmt.Sprintf("%s looks into attestations of the type %s, not %s", x.key, strings.Join(x.types, " or "), a.Type)}
		}
	}
	_, err := a.checks()
	return err
}

func (a Attestation) match(key, text, expr string) (predicate.Match, error) {
	if expr == "" {
		return predicate.Match{Text: text}, nil
	}
	if text != "" {
		return predicate.Match{}, &Error{a.Place, key + " is a text or a regular expression, not both"}
	}
	re, err := signing.Anchored(expr)
	if err != nil {
		return predicate.Match{}, &Error{a.Place, key + "-regexp: " + err.Error()}
	}
	return predicate.Match{Regexp: re}, nil
}

// checks are what the attestation must say.
func (a Attestation) checks() ([]signing.Check, error) {
	var out []signing.Check
	add := func(name string, t predicate.Test) { out = append(out, signing.Check{Name: name, Run: t}) }
	if a.MaxFiles != nil {
		add(fmt.Sprintf("max-files: %d", *a.MaxFiles), predicate.MaxFiles(*a.MaxFiles))
	}
	if a.NoShell {
		add("no-shell", predicate.NoShell())
	}
	if a.UserNotRoot {
		add("user-not-root", predicate.UserNotRoot())
	}
	if a.NoLintErrors {
		add("no-lint-errors", predicate.NoLintErrors())
	}
	for _, x := range []struct {
		key, text, expr string
		test            func(predicate.Match) predicate.Test
	}{
		{"builder-id", a.BuilderID, a.BuilderIDRegexp, predicate.BuilderID},
		{"source-uri", a.SourceURI, a.SourceURIRegexp, predicate.SourceURI},
	} {
		if x.text+x.expr == "" {
			continue
		}
		m, err := a.match(x.key, x.text, x.expr)
		if err != nil {
			return nil, err
		}
		add(x.key+": "+x.text+x.expr, x.test(m))
	}
	if a.MaxSeverity != "" {
		add("max-severity: "+a.MaxSeverity, predicate.MaxSeverity(a.MaxSeverity))
	}
	return out, nil
}

// Keys reads a public key, PEM, that a policy names: a file meant from the
// policy's directory, env://NAME, or a key in a key management service.
type Keys func(ctx context.Context, name string) ([]byte, error)

// Policy is the policy with its keys read. root is the trusted root that
// identities and logs are believed by; it may be nil where the policy needs
// none.
func (p *Policy) Policy(ctx context.Context, keys Keys, root *signing.TrustedRoot) (signing.Policy, error) {
	out := signing.Policy{Name: p.Name, Annotations: p.Annotations}
	if out.Name == "" {
		out.Name = p.Place
	}
	demand := map[string]signing.Demand{"": signing.ByDefault, "required": signing.Required, "optional": signing.Optional}
	d := signing.Demands{Log: demand[p.Log], Timestamp: demand[p.Timestamp], CT: demand[p.CT]}
	var err error
	if out.Signers, err = p.Signers.signers(ctx, keys, root, d); err != nil {
		return out, err
	}
	for _, a := range p.Attestations {
		uri, _ := PredicateType(a.Type)
		r := signing.Requirement{Type: uri, MaxAge: a.MaxAge}
		if r.Checks, err = a.checks(); err != nil {
			return out, err
		}
		if a.Signers != nil {
			if r.Signers, err = a.Signers.signers(ctx, keys, root, d); err != nil {
				return out, err
			}
		}
		out.Attestations = append(out.Attestations, r)
	}
	return out, nil
}

func (s *Signers) signers(ctx context.Context, keys Keys, root *signing.TrustedRoot, d signing.Demands) (signing.Signers, error) {
	out := signing.Signers{Need: 1}
	list := s.AnyOf
	if len(s.AllOf) > 0 {
		list = s.AllOf
		out.Need = len(list)
	}
	if s.Threshold != nil {
		out.Need = int(*s.Threshold)
	}
	for _, x := range list {
		var id signing.Identity
		var err error
		if x.Key != "" {
			var pem []byte
			if pem, err = keys(ctx, x.Key); err == nil {
				d := d
				d.CT = signing.ByDefault // a key has no certificate
				id, err = signing.LoggedKey(pem, root, d)
			}
		} else {
			id, err = signing.CertificateIdentity(signing.Name{Text: x.Identity, Regexp: x.IdentityRegexp}, signing.Name{Text: x.Issuer, Regexp: x.IssuerRegexp}, root, d)
		}
		if err != nil {
			return out, &Error{x.Place, err.Error()}
		}
		out.Of = append(out.Of, id)
	}
	return out, nil
}
