package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/config"
)

func TestTrivyIgnore(t *testing.T) {
	f, err := config.ParseTrivyIgnore("/r/.trivyignore", []byte("# why\nAVD-DS-0002 # more\nDS001 exp:2026-02-01\n\nDS-0005 exp:2026-01-01\nCVE-2020-1\n*\n"), "2026-01-15")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"DS-0002", "DS-0001", "CVE-2020-1"}, f.Ignore); d != "" {
		t.Error(d)
	}
	f, err = config.ParseTrivyIgnore("/r/.trivyignore.yaml", []byte(`misconfigurations:
  - id: AVD-DS-0002
    statement: known
  - id: DS-0001
    paths: ["dev/**"]
  - id: DS-0005
    expired_at: 2026-01-01
`), "2026-01-15")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"/r/Dockerfile": {"DS-0002"}, "/r/dev/x/Dockerfile": {"DS-0002", "DS-0001"}} {
		var got []string
		for _, l := range config.For(name, []config.File{f}).Layers {
			got = append(got, l.Ignore...)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for text, want := range map[string]string{
		"a: [b":                "x.yaml:2: did not find expected ',' or ']'",
		"misconfigurations: 3": "x.yaml:1: want a list",
	} {
		if _, err := config.ParseTrivyIgnore("x.yaml", []byte(text), ""); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
