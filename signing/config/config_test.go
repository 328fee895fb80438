package config_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/config"
)

const head = "policies:\n- images: '**'\n"

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "want a policy",
		"[a]":                              "want a policy",
		"verify: [a]":                      "verify: want settings",
		"policies: {}":                     "policies: want a list",
		"policies: []":                     "names no one",
		"policies: [x]":                    "policies: want settings",
		"polices: []":                      "did you mean policies?",
		"policies:\n- signers: {}":         "images is missing",
		head:                               "signers is missing",
		head + "  signers: {any-of: []}":   "names no one",
		head + "  signers: {any-of: [{}]}": "a signer is a key, or an identity with its issuer",
		head + "  signers: {any-of: [{key: k, issuer: i}]}":                                                         "a key or an identity, not both",
		head + "  signers: {any-of: [{issuer: i}]}":                                                                 "an issuer alone names no one",
		head + "  signers: {any-of: [{identity: i}]}":                                                               "only together with its issuer",
		head + "  signers: {any-of: [{identity: i, identity-regexp: i, issuer: x}]}":                                "not both",
		head + "  signers: {any-of: [{key: k}], all-of: [{key: k}]}":                                                "do not go together",
		head + "  signers: {all-of: [{key: k}], threshold: 1}":                                                      "threshold is for any-of",
		head + "  signers: {any-of: [{key: k}], threshold: 0}":                                                      "at least 1",
		head + "  signers: {any-of: [{key: k}], threshold: 2}":                                                      "asks for 2 of 1",
		head + "  signers: {any-of: [{key: k}]}\n  log: perhaps":                                                    `"perhaps" is none of required, optional`,
		head + "  signers: {any-of: [{key: k}]}\n  log: required\n  log: optional":                                  "log stands here twice",
		head + "  signers: &x {any-of: [{key: k}]}\n- images: a\n  signers: *x":                                     "an alias is not read",
		head + "  signers: {any-of: [{key: k}]}\n  attestations: [{}]":                                              "type is missing",
		head + "  signers: {any-of: [{key: k}]}\n  attestations: [{type: nope}]":                                    "neither a URI nor one of spdx",
		head + "  signers: {any-of: [{key: k}]}\n  attestations: [{type: spdx, max-age: soon}]":                     "want a time such as",
		head + "  signers: {any-of: [{key: k}]}\n  attestations: [{type: spdx, no-shell: true}]":                    "no-shell looks into",
		head + "  signers: {any-of: [{key: k}]}\n  attestations: [{type: slsaprovenance1, builder-id-regexp: '('}]": "builder-id-regexp: error parsing",
		head + "  signers: {any-of: [{key: k}]}\n  attestations: [{type: vuln, max-severity: huge}]":                `"huge" is none of none, low`,
		"policies:\n- images: 'a@b'\n  signers: {any-of: [{key: k}]}":                                               "not a pattern",
		"policies:\n- images: '[a'\n  signers: {any-of: [{key: k}]}":                                                "not a pattern",
		"a: b\n---\na: b": "only the first document",
		"{":               "p.yaml: ",
	} {
		var e *config.Error
		if _, err := config.ParsePolicy("p.yaml", []byte(text)); !errors.As(err, &e) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "p.yaml:") {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestFor(t *testing.T) {
	v, err := config.ParsePolicy("p.yaml", []byte(`
policies:
- {name: shop, images: [registry.example/shop, "registry.example/shop/**"], signers: {any-of: [{key: a}]}}
- {name: docker, images: "docker.io/library/*", signers: {any-of: [{key: a}]}}
- {name: rest, images: "*.example/**", signers: {any-of: [{key: a}]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]string{
		"registry.example/shop": "shop", "registry.example/shop/a/b": "shop", "registry.example/shopping": "rest",
		"docker.io/library/alpine": "docker", "docker.io/library/a/b": "", "registry.example.evil/shop": "",
	} {
		got := ""
		if p := v.For(image); p != nil {
			got = p.Name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

func TestPolicy(t *testing.T) {
	v, err := config.ParsePolicy("p.yaml", []byte(head+`  signers: {any-of: [{key: broken}]}
  attestations: [{type: spdx, max-age: 7d}]
`))
	if err != nil {
		t.Fatal(err)
	}
	if a := v.Policies[0].Attestations[0]; a.MaxAge != 7*24*time.Hour {
		t.Errorf("max-age is %s", a.MaxAge)
	}
	for answer, want := range map[string]string{"junk": "reading the public key", "": "no key here"} {
		_, err := v.Policies[0].Policy(t.Context(), func(context.Context, string) ([]byte, error) {
			if answer == "" {
				return nil, errors.New("no key here")
			}
			return []byte(answer), nil
		}, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "p.yaml:3:") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	var _ signing.Policy
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "  signers: {any-of: [{key: k}]}\n"))
	f.Add([]byte("sign: {key: k, annotations: {a: b}}\nverify:\n  " + strings.ReplaceAll(head, "\n", "\n  ")))
	f.Add([]byte("a: &a [*a]\nverify: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := config.ParsePolicy("p.yaml", data); err == nil {
			for _, p := range v.Policies {
				if len(p.Signers.AnyOf)+len(p.Signers.AllOf) == 0 {
					t.Error("a policy names no one")
				}
			}
			v.For("registry.example/x")
		}
		_, _ = config.Parse("f.yaml", data)
	})
}
