package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/config"
)

func TestParse(t *testing.T) {
	got, err := config.Parse("f", []byte("build: {user: x}\nlint:\n  preset: strict\n  ignore: [DL3006]\n  severity:\n    sudo: info\n  fail-on: error\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{Preset: "strict", Ignore: []string{"DL3006"}, Severity: map[string]string{"sudo": "info"}, FailOn: "error"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for text, want := range map[string]string{
		"lnit: {}":               `f:1: no such section "lnit"; did you mean lint?`,
		"lint:\n  ignroe: [a]":   `f:2: no such setting "ignroe"; did you mean ignore?`,
		"lint:\n  ignore: a":     `f:2: ignore: want a list of rules`,
		"lint:\n  preset: loose": `f:2: preset: "loose" is none of recommended, strict, hadolint`,
		"lint: [a]":              `f:1: lint: want settings`,
		"[a]":                    `f:1: want sections: lint, build, sign, verify`,
	} {
		if _, err := config.Parse("f", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("lint:\n  preset: strict\n"))
	f.Add([]byte("lint: &a [*a]"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = config.Parse("f", b) })
}
