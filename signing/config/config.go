// Package config reads what .whittle.yaml says of signing and verifying: its
// sections sign and verify. It opens no file and asks no network; who calls it
// hands it bytes, and reads the keys that a policy names.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/signing/predicate"
)

// Sign is the section sign: how images are signed.
type Sign struct {
	Key           string
	IdentityToken string
	Keyless       bool
	TrustedRoot   string
	SigningConfig string
	Format        string
	Annotations   map[string]string
}

func (s *Sign) fields() []field {
	return []field{
		text("key", "private key: a file, env://NAME, or NAME://KEY of a key management service", &s.Key),
		text("identity-token", "file with an identity token to sign with", &s.IdentityToken),
		boolean("keyless", "sign with the identity that the job has here", &s.Keyless),
		text("trusted-root", "trusted_root.json: whose certificates, log entries and timestamps count", &s.TrustedRoot),
		text("signing-config", "signing_config.json: who is asked for them", &s.SigningConfig),
		text("format", "bundle or legacy", &s.Format, "bundle", "legacy"),
		pairs("annotations", "what signatures say", &s.Annotations),
	}
}

// Verify is the section verify: who is believed, and about what.
type Verify struct {
	TrustedRoot string
	Policies    []Policy
}

func (v *Verify) fields() []field {
	return []field{
		text("trusted-root", "trusted_root.json: whose certificates, log entries and timestamps count", &v.TrustedRoot),
		objects("policies", "the first one whose images match is the one that counts", &v.Policies, (*Policy).fields, func(p *Policy, at string) { p.Place = at }),
	}
}

// Policy is what is asked of images.
type Policy struct {
	Place        string // file:line:column
	Name         string
	Images       []string // patterns of names without tag and digest
	Signers      *Signers
	Annotations  map[string]string
	Log          string // required, optional or ""
	Timestamp    string
	CT           string
	Attestations []Attestation
}

func (p *Policy) fields() []field {
	return []field{
		text("name", "what the policy is called in answers", &p.Name),
		needed(texts("images", "names of images without tag, ** for any: registry.example/team/**", &p.Images)),
		needed(object("signers", "who must have signed", &p.Signers, (*Signers).fields)),
		pairs("annotations", "what the signatures must say", &p.Annotations),
		text("log", "whether a transparency log must have each signature", &p.Log, "required", "optional"),
		text("timestamp", "whether a timestamp authority must have seen each signature", &p.Timestamp, "required", "optional"),
		text("certificate-transparency", "whether each certificate must have been made public", &p.CT, "required", "optional"),
		objects("attestations", "what must be attested of the image or of every platform of it", &p.Attestations, (*Attestation).fields, func(a *Attestation, at string) { a.Place = at }),
	}
}

// Signers are those of whom any, all or a number must have signed.
type Signers struct {
	AnyOf, AllOf []Signer
	Threshold    *int64
}

func (s *Signers) fields() []field {
	place := func(x *Signer, at string) { x.Place = at }
	return []field{
		objects("any-of", "one of them, or as many as threshold says", &s.AnyOf, (*Signer).fields, place),
		objects("all-of", "each of them", &s.AllOf, (*Signer).fields, place),
		number("threshold", "how many of any-of", 1, &s.Threshold),
	}
}

// Signer is a key, or an identity and who vouches for it.
type Signer struct {
	Place                                          string
	Key                                            string
	Identity, IdentityRegexp, Issuer, IssuerRegexp string
}

func (s *Signer) fields() []field {
	return []field{
		text("key", "public key: a file, env://NAME, or NAME://KEY of a key management service", &s.Key),
		text("identity", "name in the certificate, exactly", &s.Identity),
		text("identity-regexp", "regular expression that matches all of the name", &s.IdentityRegexp),
		text("issuer", "issuer of the identity token, exactly", &s.Issuer),
		text("issuer-regexp", "regular expression that matches all of the issuer", &s.IssuerRegexp),
	}
}

// Attestation is one that must be there, and what it must say.
type Attestation struct {
	Place   string
	Type    string
	Signers *Signers
	MaxAge  time.Duration

	MaxFiles                   *int64
	NoShell, UserNotRoot       bool
	NoLintErrors               bool
	BuilderID, BuilderIDRegexp string
	SourceURI, SourceURIRegexp string
	MaxSeverity                string
}

func (a *Attestation) fields() []field {
	return []field{
		needed(text("type", "predicate type: a URI, or a short name such as spdx, slsaprovenance1, contents, lint", &a.Type)),
		object("signers", "who must have attested it (default who must have signed the image)", &a.Signers, (*Signers).fields),
		duration("max-age", "how old it may be, as a log or a timestamp authority saw it", &a.MaxAge),
		number("max-files", "contents: how many files the image may have", 0, &a.MaxFiles),
		boolean("no-shell", "contents: the image has no shell", &a.NoShell),
		boolean("user-not-root", "contents: the image's user is not root", &a.UserNotRoot),
		boolean("no-lint-errors", "lint: no finding is an error", &a.NoLintErrors),
		text("builder-id", "provenance: the builder, exactly", &a.BuilderID),
		text("builder-id-regexp", "provenance: regular expression that matches all of the builder", &a.BuilderIDRegexp),
		text("source-uri", "provenance: the source, exactly; without # any reference of it", &a.SourceURI),
		text("source-uri-regexp", "provenance: regular expression that matches all of the source", &a.SourceURIRegexp),
		text("max-severity", "vuln: the highest severity that a vulnerability may have", &a.MaxSeverity, predicate.Severities()...),
	}
}

// A File is what is read of one .whittle.yaml.
type File struct {
	Sign   *Sign
	Verify *Verify
}

// Parse reads the sections of a .whittle.yaml; the others are left to those
// they belong to.
func Parse(name string, data []byte) (File, error) {
	var f File
	root, err := document(name, data)
	if err != nil || root == nil {
		return f, err
	}
	p := parser{name}
	if root.Kind != yaml.MappingNode {
		return f, p.errorf(root, "want sections")
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch {
		case value.Tag == "!!null":
		case key.Value == "sign" && f.Sign != nil, key.Value == "verify" && f.Verify != nil:
			return f, p.errorf(key, "%s stands here twice", key.Value)
		case key.Value == "sign":
			f.Sign = &Sign{}
			err = p.fields(value, "sign", f.Sign.fields())
		case key.Value == "verify":
			f.Verify = &Verify{}
			err = p.verify(value, f.Verify)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// ParsePolicy reads a policy file: the section verify alone, or a .whittle.yaml
// that has one.
func ParsePolicy(name string, data []byte) (*Verify, error) {
	root, err := document(name, data)
	if err != nil {
		return nil, err
	}
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, &Error{name, "want a policy: the section verify of .whittle.yaml"}
	}
	v := &Verify{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "verify" {
			root = root.Content[i+1]
			break
		}
	}
	if err := (parser{name}).verify(root, v); err != nil {
		return nil, err
	}
	if len(v.Policies) == 0 {
		return nil, &Error{name, "the policy names no one: policies is empty"}
	}
	return v, nil
}

func document(name string, data []byte) (*yaml.Node, error) {
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, &Error{name, strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, &Error{name, "only the first document of the file is read; leave out the others"}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// verify reads the section and holds together what belongs together.
func (p parser) verify(n *yaml.Node, v *Verify) error {
	if err := p.fields(n, "verify", v.fields()); err != nil {
		return err
	}
	for _, x := range v.Policies {
		if err := x.check(); err != nil {
			return err
		}
	}
	return nil
}

func (p Policy) check() error {
	if len(p.Images) == 0 {
		return &Error{p.Place, "images: the policy is for no image; ** is any"}
	}
	for _, g := range p.Images {
		if !doublestar.ValidatePattern(g) || strings.Contains(g, "@") {
			return &Error{p.Place, fmt.Sprintf("images: %q is not a pattern of names without tag and digest", g)}
		}
	}
	if err := p.Signers.check(p.Place); err != nil {
		return err
	}
	for _, a := range p.Attestations {
		if a.Signers != nil {
			if err := a.Signers.check(a.Place); err != nil {
				return err
			}
		}
		if err := a.check(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Signers) check(place string) error {
	all := append(append([]Signer(nil), s.AnyOf...), s.AllOf...)
	switch {
	case len(all) == 0:
		return &Error{place, "signers: the policy names no one; write any-of or all-of"}
	case len(s.AnyOf) > 0 && len(s.AllOf) > 0:
		return &Error{place, "signers: any-of and all-of do not go together"}
	case s.Threshold != nil && len(s.AllOf) > 0:
		return &Error{place, "signers: threshold is for any-of; all-of is each of them"}
	case s.Threshold != nil && *s.Threshold > int64(len(s.AnyOf)):
		return &Error{place, fmt.Sprintf("signers: threshold asks for %d of %d", *s.Threshold, len(s.AnyOf))}
	}
	for _, x := range all {
		identity, issuer := x.Identity+x.IdentityRegexp, x.Issuer+x.IssuerRegexp
		switch {
		case x.Key == "" && identity == "" && issuer == "":
			return &Error{x.Place, "a signer is a key, or an identity with its issuer"}
		case x.Key != "" && identity+issuer != "":
			return &Error{x.Place, "a signer is a key or an identity, not both"}
		case x.Key == "" && identity == "":
			return &Error{x.Place, "an issuer alone names no one; write identity or identity-regexp"}
		case x.Key == "" && issuer == "":
			return &Error{x.Place, "an identity is believed only together with its issuer; write issuer or issuer-regexp"}
		case x.Identity != "" && x.IdentityRegexp != "", x.Issuer != "" && x.IssuerRegexp != "":
			return &Error{x.Place, "a name is a text or a regular expression, not both"}
		}
	}
	return nil
}

// For is the policy for an image, by its name without tag and digest, nil where
// there is none.
func (v *Verify) For(image string) *Policy {
	for i, p := range v.Policies {
		if Match(p.Images, image) {
			return &v.Policies[i]
		}
	}
	return nil
}

// Match reports whether one of the patterns is for an image, by its name
// without tag and digest.
func Match(patterns []string, image string) bool {
	for _, g := range patterns {
		if ok, err := doublestar.Match(path.Clean(g), image); err == nil && ok {
			return true
		}
	}
	return false
}

// Schemas describe the sections, for a JSON Schema of the whole file.
func Schemas() (sign, verify map[string]any) {
	sign, verify = schemaOf((&Sign{}).fields()), schemaOf((&Verify{}).fields())
	sign["description"], verify["description"] = "how images are signed", "who is believed, and about what"
	return sign, verify
}
