package baseline_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/baseline"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// found makes a finding of every word that stands in capitals.
func found(text string) []lint.Diagnostic {
	f := source.NewFile("dir/Dockerfile", []byte(text))
	m := &rule.Meta{Name: "capital"}
	var out []lint.Diagnostic
	for i, field := 0, ""; i < len(text); i += len(field) + 1 {
		field, _, _ = strings.Cut(strings.ReplaceAll(text[i:], "\n", " "), " ")
		if field != "" && strings.ToUpper(field) == field && strings.ToLower(field) != field {
			out = append(out, lint.Diagnostic{Rule: m, File: f, Finding: rule.Finding{Span: source.Span{Start: i, End: i + len(field)}, Message: field}})
		}
	}
	return out
}

func words(diags []lint.Diagnostic) string {
	var out []string
	for _, d := range diags {
		out = append(out, d.Message)
	}
	return strings.Join(out, " ")
}

func same(name string) string { return name }

func TestNew(t *testing.T) {
	var b bytes.Buffer
	if err := baseline.Write(&b, found("one A two\nB\nB\nthree C four"), same); err != nil {
		t.Fatal(err)
	}
	base, err := baseline.Read(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"one A two\nB\nB\nthree C four":            "",
		"above\n\n\none A two\nB\nB\nthree C four": "", // lines shift
		"three C four\nB\none A two\nB":            "", // and move
		"  one  A   two\nB\nB\n":                   "", // blanks do not count
		"one A two\nB\nB\nB":                       "B",
		"one A two D\nB\nB":                        "A D", // the line is another
		"three C four\nE":                          "E",
	} {
		if got := words(base.New(found(text), same)); got != want {
			t.Errorf("%q: new is %q, want %q", text, got, want)
		}
	}
	if got := words(base.New(found("B"), strings.ToUpper)); got != "B" {
		t.Errorf("a finding in another file is known: %q", got)
	}
}

func TestWrite(t *testing.T) {
	var a, b, none bytes.Buffer
	diags := found("one A two\nB")
	if err := baseline.Write(&a, diags, same); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(diags)
	if err := baseline.Write(&b, diags, same); err != nil {
		t.Fatal(err)
	}
	if a.String() != b.String() || strings.Count(a.String(), "\n    {\"file\":\"dir/Dockerfile\",\"rule\":\"capital\",") != 2 {
		t.Errorf("the order of findings shows:\n%s%s", &a, &b)
	}
	if err := baseline.Write(&none, nil, same); err != nil {
		t.Fatal(err)
	}
	if _, err := baseline.Read(none.Bytes()); err != nil {
		t.Errorf("%q: %v", &none, err)
	}
	for _, bad := range []string{"", "[]", `{"version": 2}`, `{"version": 1, "more": 1}`, `{"version": 1} {}`} {
		if _, err := baseline.Read([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a baseline", bad)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"version": 1, "findings": [{"file": "a", "rule": "b", "fingerprint": "c"}]}`))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = baseline.Read(b) })
}
