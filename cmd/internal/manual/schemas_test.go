package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	signing "github.com/whittle-oci/whittle/signing/config"
)

// compile reads a schema of docs.
func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	out, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLintSchema holds the schema of lint attestations to what lint prints.
func TestLintSchema(t *testing.T) {
	schema := compile(t, "lint.schema.json")
	archive, err := txtar.ParseFile(filepath.Join(root, "lint/format/testdata/formats.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range archive.Files {
		if f.Name != "json" {
			continue
		}
		found = true
		var list []any
		if err := json.Unmarshal(f.Data, &list); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(map[string]any{"findings": list}); err != nil {
			t.Error(err)
		}
	}
	if !found {
		t.Error("there is no golden of the format json")
	}
	for _, bad := range []any{map[string]any{}, []any{}, map[string]any{"findings": []any{map[string]any{"file": "x"}}}} {
		if err := schema.Validate(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

// TestPolicySchema holds the schema of policies to their reader.
func TestPolicySchema(t *testing.T) {
	schema := compile(t, "policy.schema.json")
	const signers = "signers: {any-of: [{key: k.pub}]}"
	for text, want := range map[string]bool{
		"policies: [{images: '**', " + signers + "}]": true,
		"trusted-root: r.json\npolicies: [{name: a, images: [a, b], log: required, timestamp: optional, " + signers + "}]":                           true,
		"policies: [{images: a, signers: {all-of: [{identity: a, issuer: b}, {identity-regexp: a, issuer-regexp: b}]}}]":                             true,
		"policies: [{images: a, " + signers + ", annotations: {a: b}, attestations: [{type: contents, max-files: 3, no-shell: true, max-age: 7d}]}]": true,
		"policies: [{images: a, " + signers + ", attestations: [{type: vuln, max-severity: low, signers: {any-of: [{key: a}]}}]}]":                   true,
		"policies: [{images: a, " + signers + ", log: perhaps}]":                                                                                     false,
		"policies: [{images: a}]":       false,
		"policies: [{" + signers + "}]": false,
		"policies: [{images: a, " + signers + ", attestations: [{max-files: 3}]}]":                 false,
		"policies: [{images: a, " + signers + ", attestations: [{type: contents, max-files: x}]}]": false,
		"policies: [{images: a, " + signers + ", attestations: [{type: spdx, max-age: soon}]}]":    false,
		"policies: {}": false,
		"polices: []":  false,
	} {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := schema.Validate(value); (err == nil) != want {
			t.Errorf("%s: the schema says %v", text, err)
		}
		if _, err := signing.ParsePolicy("f", []byte(text)); (err == nil) != want {
			t.Errorf("%s: the reader says %v", text, err)
		}
	}
}
