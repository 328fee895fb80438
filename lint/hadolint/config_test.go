package hadolint_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/hadolint"
)

var yes, no = true, false

// The same settings from each place.
var settings = hadolint.Config{
	Formats: []string{"json", "sarif"}, NoFail: &yes, Verbose: &no, Threshold: "warning",
	Ignored: []string{"DL3008", "SC2086"}, Severities: map[string][]string{"error": {"DL3010"}, "style": {"DL3020", "DL3021"}},
	Registries: []string{"a.example", "*.b"}, Labels: map[string]string{"owner": "email", "note": "text"}, StrictLabels: &yes, DisablePragma: &yes,
}

func TestFromEnvironment(t *testing.T) {
	env := map[string]string{
		"HADOLINT_FORMAT": "json,nonsense,sarif", "HADOLINT_NOFAIL": "Yes", "HADOLINT_VERBOSE": "off", "HADOLINT_FAILURE_THRESHOLD": "warning",
		"HADOLINT_IGNORE": "DL3008, SC2086", "HADOLINT_OVERRIDE_ERROR": "DL3010", "HADOLINT_OVERRIDE_STYLE": "DL3020,DL3021",
		"HADOLINT_TRUSTED_REGISTRIES": "a.example,*.b", "HADOLINT_REQUIRE_LABELS": "owner:email,note:text,bad:number", "HADOLINT_STRICT_LABELS": "1",
		"HADOLINT_DISABLE_IGNORE_PRAGMA": "on",
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	if d := cmp.Diff(settings, hadolint.FromEnvironment(lookup), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	env = map[string]string{"NO_COLOR": "", "HADOLINT_NOFAIL": "perhaps", "HADOLINT_FAILURE_THRESHOLD": "loud"}
	if d := cmp.Diff(hadolint.Config{NoColor: &yes}, hadolint.FromEnvironment(lookup), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

func TestParse(t *testing.T) {
	got, err := hadolint.Parse("f", []byte(`
no-fail: true
verbose: false
formats: [json, sarif]
failure-threshold: warning
ignored: [DL3008, SC2086]
override: {error: [DL3010], style: [DL3020, DL3021]}
trustedRegistries: [a.example, "*.b"]
label-schema: {owner: email, note: text}
strict-labels: true
disable-ignore-pragma: true
a-key-of-tomorrow: 1
`))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(settings, got, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	if again, err := hadolint.Parse("f", []byte(got.String())); err != nil || !cmp.Equal(got, again, cmpopts.EquateEmpty()) {
		t.Errorf("%v: %s", err, got)
	}
	if one, err := hadolint.Parse("f", []byte("trustedRegistries: a.example\n")); err != nil || !cmp.Equal(one.Registries, []string{"a.example"}) {
		t.Errorf("%v: %s", err, one)
	}
	for bad, want := range map[string]string{
		"":                          "f: the file is empty",
		"a: [b":                     "f:2: did not find expected ',' or ']'",
		"no-fail: true\nignored: a": "f:2: want a list",
		"trustedRegistries: {a: b}": "f:1: want a list",
		"no-fail: perhaps":          "f:1: want true or false",
		"[]":                        "f:1: want settings",
		"failure-threshold: loud":   `f: failure-threshold: "loud" is none of error, warning, info, style, ignore, none`,
		"label-schema: {a: number}": `f: label-schema: a: "number" is none of text, url, rfc3339, semver, hash, spdx, email`,
		"format: html":              `f: format: "html" is none of tty, json, checkstyle, codeclimate, gitlab_codeclimate, gnu, codacy, sonarqube, sarif, junit`,
	} {
		if c, err := hadolint.Parse("f", []byte(bad)); err == nil || err.Error() != want {
			t.Errorf("%q is %+v:\n got %v\nwant %s", bad, c, err, want)
		}
	}
}

func TestFromArguments(t *testing.T) {
	got, err := hadolint.FromArguments([]string{
		"-f", "json", "a", "--format=sarif", "--no-fail", "-t", "warning", "--ignore", "DL3008", "--ignore=SC2086", "--error", "DL3010", "--style=DL3020", "--style", "DL3021",
		"--trusted-registry", "a.example", "--trusted-registry=*.b", "--require-label", "owner:email", "--require-label", "note:text", "--strict-labels", "--disable-ignore-pragma", "--", "-",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := settings
	want.Verbose, want.Files = nil, []string{"a", "-"}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	got, err = hadolint.FromArguments([]string{"-o", "x", "--output", "y", "-c", "z", "--file-path-in-report", "p", "-V", "--no-color", "-v", "-h"})
	if err != nil {
		t.Fatal(err)
	}
	want = hadolint.Config{Outputs: []string{"x", "y"}, File: "z", PathInReport: "p", Verbose: &yes, NoColor: &yes, Version: true, Help: true}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	for _, bad := range [][]string{{"--blafoo"}, {"--require-label", "foo:bar"}, {"-f", "html"}, {"-t", "loud"}, {"--ignore"}} {
		if c, err := hadolint.FromArguments(bad); err == nil {
			t.Errorf("%v is %+v", bad, c)
		}
	}
}

// Single values are replaced and lists joined.
func TestJoin(t *testing.T) {
	got := hadolint.Join(
		hadolint.Config{NoFail: &yes, Threshold: "error", Ignored: []string{"A"}, Labels: map[string]string{"x": "text"}, Formats: []string{"json"}},
		hadolint.Config{NoFail: &no, Ignored: []string{"B"}, Severities: map[string][]string{"info": {"C"}}},
		hadolint.Config{Threshold: "style", Labels: map[string]string{"x": "url"}, Severities: map[string][]string{"info": {"D"}}, Formats: []string{"tty"}},
	)
	want := hadolint.Config{
		NoFail: &no, Threshold: "style", Ignored: []string{"A", "B"}, Labels: map[string]string{"x": "url"}, Severities: map[string][]string{"info": {"C", "D"}}, Formats: []string{"json", "tty"},
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

func TestLayer(t *testing.T) {
	want := config.Layer{
		Ignore: []string{"DL3008", "SC2086"}, Enable: []string{"DL3010", "DL3020", "DL3021"}, Severity: map[string]string{"DL3010": "error", "DL3020": "style", "DL3021": "style"},
		TrustedRegistries: []string{"a.example", "*.b"}, Labels: map[string]string{"owner": "email", "note": "text"}, StrictLabels: &yes, Suppressions: "off", FailOn: "none",
	}
	if d := cmp.Diff(want, settings.Layer(), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	for threshold, want := range map[string]string{"": "", "error": "error", "none": "style", "ignore": "style"} {
		if got := (hadolint.Config{Threshold: threshold}).Layer().FailOn; got != want {
			t.Errorf("%s fails on %s, want %s", threshold, got, want)
		}
	}
	if l := (hadolint.Config{Ignored: []string{"all", "dl3008", "DL3008"}}).Layer(); len(l.Ignore) != 1 {
		t.Errorf("words that are no rules are ignored rules: %v", l.Ignore)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"HOME": filepath.Join(dir, "home"), "XDG_CONFIG_HOME": filepath.Join(dir, "xdg")}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	// The last written has the first say.
	for _, name := range []string{"home/.hadolint.yaml", "home/hadolint/config.yaml", "home/.hadolint/config.yml", "home/.hadolint/hadolint.yaml", "home/.config/hadolint.yml", "xdg/hadolint.yaml", "work/.hadolint.yml", "work/.hadolint.yaml"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := hadolint.Find(filepath.Join(dir, "work"), lookup); got != path {
			t.Errorf("found %s, want %s", got, path)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("override: {error: [DL3010]}\nlabel-schema: {a: text}\n"))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if c, err := hadolint.Parse("f", b); err == nil {
			hadolint.Join(c, c).Layer()
		}
	})
}
