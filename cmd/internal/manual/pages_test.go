package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/custom"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/source"
)

const root = "../../.."

func TestPagesAreCurrent(t *testing.T) {
	want, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if d := diff.Diff(name, got, "generated", text); d != nil {
			t.Errorf("%s\nrun make update", d)
		}
	}
}

// The schema and the readers take the same files.
func TestSchema(t *testing.T) {
	data, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("whittle.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("whittle.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	digest := "#sha256:" + strings.Repeat("0", 64)
	for text, want := range map[string]bool{
		"lint: {preset: strict, only: [sudo], enable: DL3008, ignore: [untagged-base, SC2086]}":                            true,
		"lint: {severity: {sudo: error, DL3008: info, acme-own: style}, fail-on: none}":                                    true,
		"lint: {trusted-registries: ['*.example'], labels: {a: semver}, strict-labels: true, require-reason: false}":       true,
		"lint: {extends: ['https://example.com/a" + digest + "', ../b.yaml], root: true, exclude: x, suppressions: 'off'}": true,
		"lint: {overrides: [{files: ['*.dev'], ignore: [sudo], severity: {sudo: info}}]}":                                  true,
		"lint: {rules: [{name: a-b, message: m, instruction: [RUN, copy], matches: x, fix: {replace: y, safety: safe}}]}":  true,
		"lint: {rules: [{name: a-b, message: m, command: curl, has: [-k], lacks: -f, stage: final, unless: z, why: w}]}":   true,
		"build: {include: [/a], max-size: 20MB, no-shell: true, user: \"10001\"}":                                          true,
		"lint:\nbuild:\nsign: {}\nverify: {}":         true,
		"lint: {}":                                    true,
		"lnit: {}":                                    false,
		"lint: {ignroe: [a]}":                         false,
		"lint: {preset: loose}":                       false,
		"lint: {fail-on: loud}":                       false,
		"lint: {severity: {sudo: loud}}":              false,
		"lint: {labels: {a: number}}":                 false,
		"lint: {strict-labels: 7}":                    false,
		"lint: {ignore: {a: b}}":                      false,
		"lint: {overrides: [{ignore: [a]}]}":          false,
		"lint: {overrides: [{files: a, root: true}]}": false,
		"lint: {rules: [{name: a-b, message: m}]}":    false,
		"lint: {rules: [{name: a-b, message: m, instruction: RUN, command: b}]}":   false,
		"lint: {rules: [{name: Ab, message: m, instruction: RUN}]}":                false,
		"lint: {rules: [{name: a-b, instruction: RUN}]}":                           false,
		"lint: {rules: [{name: a-b, message: m, instruction: RAN}]}":               false,
		"lint: {rules: [{name: a-b, message: m, instruction: RUN, matches: '('}]}": false,
		"lint: {rules: [{name: a-b, message: m, instruction: RUN, more: 1}]}":      false,
		"build: {smoke: [shop, --check], max-files: 20}":                           true,
		"build: {smoke: {http: GET / on 80}, max-packages: \"3\"}":                 true,
		"build: {smoke: {tcp: 80}}":                                                false,
		"build: {smoke: []}":                                                       false,
		"build: {includes: [/a]}":                                                  false,
		"[]":                                                                       false,
	} {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := compiled.Validate(value); (err == nil) != want {
			t.Errorf("%s: the schema says %v", text, err)
		}
		_, lintErr := config.Parse("f", []byte(text))
		_, buildErr := frontend.FromFile("f", []byte(text))
		if (lintErr == nil && buildErr == nil) != want {
			t.Errorf("%s: the readers say %v, %v", text, lintErr, buildErr)
		}
	}
}

// TestInspectSchema holds what inspect prints to its schema.
func TestInspectSchema(t *testing.T) {
	if data, err := diffSchema(); err != nil || !bytes.Contains(data, []byte(`"differences"`)) {
		t.Errorf("%v\n%s", err, data)
	}
	data, err := inspectSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("inspect.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("inspect.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	shop, err := os.ReadFile("../../../builder/inspect/testdata/shop.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string]struct {
		key   string
		value any
		ok    bool
	}{"inspect": {"over", []any{"x"}, true}, "no list": {"over", "x", false}, "nothing of budgets": {"over", nil, false}, "a field more": {"more", 1, false}} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(shop))
		if err != nil {
			t.Fatal(err)
		}
		value.(map[string]any)[more.key] = more.value
		if err := compiled.Validate(value); (err == nil) != more.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// block is a fenced block of a page.
type block struct{ language, text string }

func blocks(page string) []block {
	var out []block
	for part := range strings.SplitSeq(page, "\n```") {
		language, text, ok := strings.Cut(part, "\n")
		if ok && language != "" && !strings.Contains(language, " ") {
			out = append(out, block{language, text + "\n"})
		}
	}
	return out
}

// The worked examples report what the page shows.
func TestCustomRules(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "custom-rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := blocks(string(page))
	if len(all) != 9 {
		t.Fatalf("%d blocks, want a file, a Dockerfile and a report for each of three examples", len(all))
	}
	for i := 0; i < len(all); i += 3 {
		f, err := config.Parse(".whittle.yaml", []byte(all[i].text))
		if err != nil {
			t.Fatal(err)
		}
		diags, err := lint.Run(t.Context(), source.NewFile("Dockerfile", []byte(all[i+1].text)), lint.Options{Rules: custom.Compile(f.Rules)})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := format.Text(&b, diags, format.Options{Hints: true}); err != nil {
			t.Fatal(err)
		}
		if d := diff.Diff("docs/custom-rules.md", []byte(all[i+2].text), f.Rules[0].Name, []byte(b.String())); d != nil {
			t.Errorf("%s", d)
		}
	}
}

// The configuration that the manual shows is one.
func TestExample(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "lint.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(string(page)) {
		if b.language == "yaml" && strings.Contains(b.text, "\nlint:\n") {
			if _, err := config.Parse("docs/lint.md", []byte(b.text)); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Error("the manual shows no configuration")
}
