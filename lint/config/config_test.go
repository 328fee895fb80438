package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whittle-oci/whittle/lint/config"
)

const digest = "#sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParse(t *testing.T) {
	yes := true
	got, err := config.Parse("/repo/f", []byte(`build: {user: x}
lint:
  extends: [base.yaml, "https://example.com/x.yaml`+digest+`"]
  root: true
  preset: strict
  ignore: [DL3006]
  enable: unused-ignore
  severity:
    sudo: info
  fail-on: error
  trusted-registries: [docker.io, "*.example"]
  labels: {maintainer: email}
  strict-labels: true
  suppressions: off
  require-reason:
  exclude: [testdata]
  overrides:
    - files: ["test/**"]
      only: [sudo]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := config.File{
		Name: "/repo/f", Dir: "/repo", Root: true, Exclude: []string{"testdata"},
		Extends: []config.Reference{{To: "base.yaml", Place: "/repo/f:3:13"}, {To: "https://example.com/x.yaml" + digest, Place: "/repo/f:3:24"}},
		Layer: config.Layer{
			Preset: "strict", Ignore: []string{"DL3006"}, Enable: []string{"unused-ignore"}, Severity: map[string]string{"sudo": "info"}, FailOn: "error",
			TrustedRegistries: []string{"docker.io", "*.example"}, Labels: map[string]string{"maintainer": "email"}, StrictLabels: &yes, Suppressions: "off",
			Places: map[string]string{"DL3006": "/repo/f:6:12", "unused-ignore": "/repo/f:7:11", "sudo": "/repo/f:9:5"},
		},
		Overrides: []config.Override{{Files: []string{"test/**"}, Layer: config.Layer{Only: []string{"sudo"}, Places: map[string]string{"sudo": "/repo/f:19:14"}}}},
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"lnit: {}":                                      `f:1:1: no such section "lnit"; did you mean lint?`,
		"lint:\n  ignroe: [a]":                          `f:2:3: no such setting "ignroe"; did you mean ignore?`,
		"lint:\n  ignore: {a: b}":                       `f:2:11: ignore: want a list of rules`,
		"lint:\n  ignore: [[a]]":                        `f:2:12: ignore: want a list of rules`,
		"lint:\n  preset: loose":                        `f:2:11: preset: "loose" is none of recommended, strict, hadolint`,
		"lint:\n  preset: [strict]":                     `f:2:11: preset: want one word`,
		"lint:\n  strict-labels: 7":                     `f:2:18: strict-labels: want true or false`,
		"lint:\n  severity: {a: loud}":                  `f:2:17: severity of a: "loud" is none of error, warning, info, style`,
		"lint:\n  labels: [a]":                          `f:2:11: labels: want names with one of text, url, rfc3339, semver, spdx, hash, email each`,
		"lint:\n  labels:\n    a: number":               `f:3:8: labels of a: "number" is none of text, url, rfc3339, semver, spdx, hash, email`,
		"lint:\n  ignore: [a]\n  ignore: [b]":           `f:3:3: ignore stands here twice`,
		"lint: {}\nlint: {}":                            `f:2:1: lint stands here twice`,
		"lint:\n  severity: {a: info, a: error}":        `f:2:23: severity: a stands here twice`,
		"preset: strict":                                `f:1:1: preset is a setting of lint; indent it below lint:`,
		"whittle: {}":                                   `f:1:1: no such section "whittle"; there are lint, build, sign, verify`,
		"lint:\n\tignore: [a]":                          `f:2: found character that cannot start any token`,
		"lint:\n  overrides: [{files: ../Dockerfile}]":  `f:2:23: files: "../Dockerfile" names nothing; globs are meant from the directory of this file, and stay below it`,
		"lint: [a]":                                     `f:1:7: lint: want settings`,
		"[a]":                                           `f:1:1: want sections: lint, build, sign, verify`,
		"lint:\n  overrides: [{ignore: [a]}]":           `f:2:15: an override names the files it is for: files: [GLOB]`,
		"lint:\n  overrides: [{file: a}]":               `f:2:16: no such setting "file"; did you mean files?`,
		"lint:\n  overrides: [{files: '[a'}]":           `f:2:23: files: "[a" is not a glob`,
		"lint:\n  overrides: {}":                        `f:2:14: overrides: want a list`,
		"lint:\n  extends: https://example.com":         `f:2:12: extends: https://example.com is not pinned; write https://example.com#sha256:DIGEST with the digest that sha256sum gives`,
		"lint:\n  extends: http://example.com" + digest: `f:2:12: extends: http://example.com is not an https URL`,
		"lint: {}\n---\nlint: {}":                       `f:2:1: only the first document of the file is read; leave out the others`,
		"lint:\n  rules: [{message: a}]":                `f:2:11: a rule has a name of lower-case words joined by dashes, with your own first: acme-base-image`,
		"lint:\n  rules: [{name: a-b, message: '$$5 $1', command: x}]":                               `f:2:11: the rule a-b: $1 is no group of matches; write $$ for a dollar sign`,
		"lint:\n  rules: [{name: a-b, message: '${b} $1 ${c}', command: x, matches: '(?P<b>x)'}]":    `f:2:11: the rule a-b: ${c} is no group of matches; write $$ for a dollar sign`,
		"lint:\n  rules: [{name: a-b, message: m, command: x}, {name: a-b, message: n, command: y}]": `f:2:48: there are two rules a-b`,
		"lint:\n  rules: [{name: a-b}]":                                                              `f:2:11: the rule a-b has no message`,
		"lint:\n  rules: [{name: a-b, message: m}]":                                                  `f:2:11: the rule a-b looks at nothing; name an instruction or a command`,
		"lint:\n  rules: [{name: a-b, mesage: m}]":                                                   `f:2:23: no such setting "mesage"; did you mean message?`,
		"lint:\n  rules: [{instruction: FORM}]":                                                      `f:2:25: there is no instruction FORM; did you mean FROM?`,
		"lint:\n  rules: [{matches: '('}]":                                                           "f:2:21: matches: error parsing regexp: missing closing ): `(`",
		"lint:\n  rules: [{name: a-b, message: m, instruction: RUN, has: -y}]":                       `f:2:11: the rule a-b: has and lacks are for commands`,
		"lint:\n  rules: [{name: a-b, message: m, instruction: RUN, command: x}]":                    `f:2:11: the rule a-b names an instruction and a command; commands are those of RUN`,
		"lint:\n  rules: [{name: a-b, message: m, command: x, missing: true, fix: {replace: y}}]":    `f:2:11: the rule a-b: there is nothing to fix where something is missing`,
		"lint:\n  rules: [{name: a-b, message: m, command: x, fix: {title: y}}]":                     `f:2:11: the rule a-b: a fix needs replace, or matches for what it removes`,
		"lint:\n  rules: [{name: a-b, message: m, command: x, fix: {replace: y, safety: harmless}}]": `f:2:73: safety: "harmless" is none of safe, unsafe, suggestion`,
	} {
		if _, err := config.Parse("f", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// Nearer files replace words and join lists; overrides hold for the files they
// name, from the directory of their file.
func TestFor(t *testing.T) {
	file := func(name, text string) config.File {
		f, err := config.Parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	outer := file("/repo/f", `lint:
  preset: strict
  fail-on: error
  trusted-registries: [a]
  labels: {x: text, y: text}
  require-reason: true
  exclude: [vendored, /only/here]
  overrides:
    - {files: ["*.dev"], fail-on: none}
    - {files: [sub/a/], suppressions: "off"}
`)
	inner := file("/repo/sub/f", "lint: {preset: recommended, trusted-registries: [b], labels: {y: url}, require-reason: false}")
	type summary struct {
		Layers                int
		FailOn                string
		Off, Reason, Excluded bool
		Registries            []string
		Labels                map[string]string
	}
	for name, want := range map[string]summary{
		"/repo/sub/Dockerfile":       {2, "error", false, false, false, []string{"a", "b"}, map[string]string{"x": "text", "y": "url"}},
		"/repo/sub/x/Dockerfile.dev": {3, "none", false, false, false, []string{"a", "b"}, map[string]string{"x": "text", "y": "url"}},
		"/repo/sub/a/Dockerfile":     {3, "error", true, false, false, []string{"a", "b"}, map[string]string{"x": "text", "y": "url"}},
		"/repo/sub/vendored/x":       {2, "error", false, false, true, []string{"a", "b"}, map[string]string{"x": "text", "y": "url"}},
		"/repo/only/here/x":          {2, "error", false, false, true, []string{"a", "b"}, map[string]string{"x": "text", "y": "url"}},
		"/repo/sub/only/here/x":      {2, "error", false, false, false, []string{"a", "b"}, map[string]string{"x": "text", "y": "url"}},
		"/elsewhere/Dockerfile.dev":  {2, "error", false, false, false, []string{"a", "b"}, map[string]string{"x": "text", "y": "url"}},
	} {
		c := config.For(name, []config.File{outer, inner})
		got := summary{len(c.Layers), c.FailOn(), c.SuppressionsOff(), c.RequireReason(), c.Excluded, c.TrustedRegistries(), c.Labels()}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("lint:\n  preset: strict\n"))
	f.Add([]byte("lint: &a [*a]"))
	f.Add([]byte("lint: {overrides: [{files: '**', ignore: [a]}], rules: [{name: a-b, message: m, command: x, matches: '(a|b)*', fix: {replace: '$1'}}]}"))
	f.Add([]byte("a: &a {b: *a}\nlint: *a\n---\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if file, err := config.Parse("/f", b); err == nil {
			config.For("/a/Dockerfile", []config.File{file})
		}
	})
}
