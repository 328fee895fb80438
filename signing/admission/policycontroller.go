// Package admission writes policies for admission controllers from those of
// whittle verify, and says what these cannot check.
package admission

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/config"
)

// Options are what a policy is written for.
type Options struct {
	// Format is the one that the images are signed in: policy-controller
	// verifies bundles by identities, and keys in the older format alone
	// (sigstore/policy-controller, f925c0c of 2026-08).
	Format signing.Format
	// TrustRoot names a TrustRoot resource, "" for the public Sigstore.
	TrustRoot string
	// Keys reads the public keys that the policies name.
	Keys config.Keys
}

// A NothingError is a policy of which the controller could check nothing.
type NothingError struct{ Place, Why string }

// Error says what stands in the way.
func (e *NothingError) Error() string {
	return fmt.Sprintf("%s: policy-controller cannot check this policy: %s", e.Place, e.Why)
}

// ExitCode is the code for what is refused.
func (*NothingError) ExitCode() int { return 1 }

// What a ClusterImagePolicy is written of (policy.sigstore.dev/v1beta1).
type resource struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       spec     `yaml:"spec"`
}

type metadata struct {
	Name string `yaml:"name"`
}

type spec struct {
	Images      []glob      `yaml:"images"`
	Authorities []authority `yaml:"authorities"`
}

type glob struct {
	Glob string `yaml:"glob"`
}

type authority struct {
	Name            string        `yaml:"name"`
	Key             *key          `yaml:"key,omitempty"`
	Keyless         *keyless      `yaml:"keyless,omitempty"`
	SignatureFormat string        `yaml:"signatureFormat,omitempty"`
	CTLog           *ctlog        `yaml:"ctlog,omitempty"`
	Attestations    []attestation `yaml:"attestations,omitempty"`
}

type key struct {
	Data          string `yaml:"data"`
	HashAlgorithm string `yaml:"hashAlgorithm"`
}

type keyless struct {
	Identities        []identity `yaml:"identities"`
	TrustRootRef      string     `yaml:"trustRootRef,omitempty"`
	InsecureIgnoreSCT bool       `yaml:"insecureIgnoreSCT,omitempty"`
}

type identity struct {
	Issuer        string `yaml:"issuer,omitempty"`
	IssuerRegExp  string `yaml:"issuerRegExp,omitempty"`
	Subject       string `yaml:"subject,omitempty"`
	SubjectRegExp string `yaml:"subjectRegExp,omitempty"`
}

type ctlog struct {
	URL          string `yaml:"url,omitempty"`
	TrustRootRef string `yaml:"trustRootRef,omitempty"`
}

type attestation struct {
	Name          string `yaml:"name"`
	PredicateType string `yaml:"predicateType"`
}

// PolicyController writes ClusterImagePolicies as YAML: an image must meet all of
// those that match it, and one authority of each. left says what they do not
// check.
func PolicyController(ctx context.Context, v *config.Verify, o Options) (out []byte, left []string, err error) {
	w := writer{Options: o}
	for i, p := range v.Policies {
		if err := w.policy(ctx, i, p); err != nil {
			return nil, nil, err
		}
	}
	if len(v.Policies) > 1 {
		w.leave("%s: of several policies that match an image all must be met there, and here the first one counts", v.Policies[1].Place)
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	for _, r := range w.out {
		if err := enc.Encode(r); err != nil {
			return nil, nil, err
		}
	}
	return b.Bytes(), w.left, enc.Close()
}

type writer struct {
	Options
	out  []resource
	left []string
}

func (w *writer) leave(format string, args ...any) {
	w.left = append(w.left, fmt.Sprintf(format, args...))
}

func (w *writer) policy(ctx context.Context, n int, p config.Policy) error {
	name := resourceName(p.Name, n)
	if len(p.Annotations) > 0 {
		w.leave("%s: annotations are not checked", p.Place)
	}
	if p.Timestamp == "required" {
		w.leave("%s: timestamps are not demanded", p.Place)
	}
	var same []attestation
	var other []config.Attestation
	for _, a := range p.Attestations {
		uri, _ := config.PredicateType(a.Type)
		if what := checks(a); len(what) > 0 {
			w.leave("%s: %s of %s is not checked; that it is there is", a.Place, strings.Join(what, ", "), a.Type)
		}
		if a.Signers != nil {
			other = append(other, a)
			continue
		}
		same = append(same, attestation{fmt.Sprintf("attestation-%d", len(same)), uri})
	}
	if err := w.signers(ctx, name, p, p.Signers, nil); err != nil {
		return err
	}
	// An authority with attestations asks for those, and not for a signature.
	if len(same) > 0 {
		if err := w.signers(ctx, name+"-attested", p, p.Signers, same); err != nil {
			return err
		}
	}
	for i, a := range other {
		uri, _ := config.PredicateType(a.Type)
		if err := w.signers(ctx, fmt.Sprintf("%s-attested-%d", name, i), p, a.Signers, []attestation{{"attestation-0", uri}}); err != nil {
			return err
		}
	}
	return nil
}

// signers writes a policy for one of several signers, or one for each of those
// who must all have signed.
func (w *writer) signers(ctx context.Context, name string, p config.Policy, s *config.Signers, attestations []attestation) error {
	list, all := s.AnyOf, false
	if len(s.AllOf) > 0 {
		list, all = s.AllOf, true
	}
	if s.Threshold != nil {
		switch n := *s.Threshold; {
		case n == int64(len(list)):
			all = true
		case n > 1:
			return &NothingError{p.Place, fmt.Sprintf("it knows no threshold of %d of %d signers", n, len(list))}
		}
	}
	var authorities []authority
	for i, x := range list {
		a, err := w.authority(ctx, fmt.Sprintf("signer-%d", i), p, x)
		if err != nil {
			return err
		}
		if a == nil {
			if all {
				return &NothingError{x.Place, "it verifies bundles by identities, and not by keys; sign with --format legacy, and export with --format legacy"}
			}
			w.leave("%s: the key is left out: bundles are verified there by identities, and not by keys", x.Place)
			continue
		}
		a.Attestations = attestations
		authorities = append(authorities, *a)
	}
	if len(authorities) == 0 {
		return &NothingError{p.Place, "it verifies bundles by identities, and not by keys; sign with --format legacy, and export with --format legacy"}
	}
	var images []glob
	for _, g := range p.Images {
		images = append(images, glob{g})
	}
	add := func(name string, a ...authority) {
		w.out = append(w.out, resource{"policy.sigstore.dev/v1beta1", "ClusterImagePolicy", metadata{name}, spec{images, a}})
	}
	if !all {
		add(name, authorities...)
		return nil
	}
	for i, a := range authorities {
		add(fmt.Sprintf("%s-%d", name, i), a)
	}
	return nil
}

// authority is one signer, nil for a key where the format is the bundle.
func (w *writer) authority(ctx context.Context, name string, p config.Policy, s config.Signer) (*authority, error) {
	if s.Key != "" {
		if w.Format == signing.Bundle {
			return nil, nil
		}
		pem, err := w.Keys(ctx, s.Key)
		if err != nil {
			return nil, &config.Error{Place: s.Place, Message: err.Error()}
		}
		a := &authority{Name: name, Key: &key{string(pem), "sha256"}}
		if p.Log == "required" {
			a.CTLog = &ctlog{TrustRootRef: w.TrustRoot}
			if w.TrustRoot == "" {
				a.CTLog.URL = "https://rekor.sigstore.dev"
			}
		}
		return a, nil
	}
	a := &authority{Name: name, Keyless: &keyless{
		Identities:   []identity{{s.Issuer, anchored(s.IssuerRegexp), s.Identity, anchored(s.IdentityRegexp)}},
		TrustRootRef: w.TrustRoot, InsecureIgnoreSCT: p.CT == "optional",
	}}
	if w.Format == signing.Bundle {
		a.SignatureFormat = "bundle"
	}
	return a, nil
}

// anchored writes an expression that matches whole texts where they are not
// anchored by themselves.
func anchored(expr string) string {
	if expr == "" {
		return ""
	}
	return "^(?:" + expr + ")$"
}

// checks names what a policy asks of a statement beside its being there.
func checks(a config.Attestation) []string {
	var out []string
	for _, x := range []struct {
		set bool
		key string
	}{
		{a.MaxAge > 0, "max-age"}, {a.MaxFiles != nil, "max-files"}, {a.NoShell, "no-shell"}, {a.UserNotRoot, "user-not-root"}, {a.NoLintErrors, "no-lint-errors"},
		{a.BuilderID+a.BuilderIDRegexp != "", "builder-id"}, {a.SourceURI+a.SourceURIRegexp != "", "source-uri"}, {a.MaxSeverity != "", "max-severity"},
	} {
		if x.set {
			out = append(out, x.key)
		}
	}
	return out
}

// resourceName makes a name that Kubernetes takes (RFC 1123, label).
func resourceName(name string, n int) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-")
	if name == "" {
		name = fmt.Sprintf("policy-%d", n)
	}
	return "whittle-" + name[:min(len(name), 40)]
}
