package hadolint_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/hadolint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var update = flag.Bool("update", false, "write testdata/formats.txtar anew")

var results = []hadolint.Result{
	{File: "a/Dockerfile", Findings: []hadolint.Finding{
		{Code: "DL3006", Severity: "warning", Message: `say "which" <tag> & why`, Line: 2, Col: 6, End: 2},
		{Code: "SC2086", Severity: "info", Message: "quote it", Line: 3, Col: 1, End: 4},
		{Code: "DL3021", Severity: "error", Message: "a slash", Line: 5, Col: 1, End: 5},
		{Code: "DL3048", Severity: "style", Message: "a key", Line: 6, Col: 1, End: 6},
	}},
	{File: "clean"},
	{File: "broken", Findings: []hadolint.Finding{{Code: "DL1000", Severity: "error", Message: "unknown instruction:\nFORM", Line: 1, Col: 1, End: 1}}},
}

// The formats are those of the archive, byte for byte. A newline ends every
// file there, a NUL is written as \0.
func TestFormats(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "formats.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range archive.Files {
		name, inReport, _ := bytes.Cut([]byte(file.Name), []byte(" "))
		o := hadolint.Options{Version: "1.2.3", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), PathInReport: string(inReport), Color: string(inReport) == "colour"}
		var b bytes.Buffer
		if err := hadolint.Write(&b, string(name), results, o); err != nil {
			t.Fatal(err)
		}
		got := append(bytes.ReplaceAll(b.Bytes(), []byte{0}, []byte(`\0`)), '\n')
		got = bytes.ReplaceAll(got, []byte("\x1b"), []byte(`\e`))
		if *update {
			archive.Files[i].Data = got
			continue
		}
		if d := cmp.Diff(string(file.Data), string(got)); d != "" {
			t.Errorf("%s: %s", file.Name, d)
		}
	}
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", "formats.txtar"), txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNothingFound(t *testing.T) {
	for format, want := range map[string]string{"tty": "", "json": "[]", "gitlab_codeclimate": "[]", "codeclimate": "", "codacy": "", "sonarqube": `{"issues":[]}`} {
		var b bytes.Buffer
		if err := hadolint.Write(&b, format, []hadolint.Result{{File: "a"}}, hadolint.Options{}); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v", format, &b, err)
		}
	}
	if err := hadolint.Write(&bytes.Buffer{}, "html", nil, hadolint.Options{}); err == nil {
		t.Error("a format that does not exist was written")
	}
}

func TestFindings(t *testing.T) {
	src := source.NewFile("f", []byte("FROM a\nRUN b\nRUN c\n"))
	at := func(line int, severity rule.Severity, name string, aliases ...string) lint.Diagnostic {
		start := src.LineStart(line)
		return lint.Diagnostic{Rule: &rule.Meta{Name: name, Aliases: aliases}, Severity: severity, File: src, Finding: rule.Finding{Span: source.Span{Start: start + 4, End: start + 5}, Message: "m"}}
	}
	c := hadolint.Config{Ignored: []string{"DL3004", "DL1000"}, Severities: map[string][]string{"info": {"DL3001"}, "error": {"DL3057", "DL3001"}}}
	got := c.Findings([]lint.Diagnostic{
		at(3, rule.Info, "own-word", "DS-0001", "DL3006"), // hadolint's severity, not ours
		at(2, rule.Style, "ignored", "DL3004"),
		at(2, rule.Style, "not-hadolints", "DS-0029"),
		at(2, rule.Style, "SC2086"),            // ShellCheck has its own severity
		at(1, rule.Info, "off", "DL1001"),      // off by default
		at(1, rule.Info, "on-now", "DL3057"),   // off by default, and asked for
		at(1, rule.Info, "override", "DL3001"), // the more serious override
		at(1, rule.Error, "syntax", "DL1000"),  // cannot be ignored
	})
	want := []hadolint.Finding{
		{"DL3057", "error", "m", 1, 5, 1}, {"DL3001", "error", "m", 1, 5, 1}, {"DL1000", "error", "m", 1, 5, 1}, {"SC2086", "style", "m", 2, 5, 2}, {"DL3006", "warning", "m", 3, 5, 3},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFails(t *testing.T) {
	found := func(severity string) []hadolint.Result {
		return []hadolint.Result{{}, {Findings: []hadolint.Finding{{Code: "DL3001", Severity: severity}}}}
	}
	for _, tc := range []struct {
		c        hadolint.Config
		severity string
		want     bool
	}{
		{hadolint.Config{}, "info", true},
		{hadolint.Config{}, "style", false},
		{hadolint.Config{Threshold: "style"}, "style", true},
		{hadolint.Config{Threshold: "error"}, "warning", false},
		{hadolint.Config{Threshold: "none"}, "style", true},
		{hadolint.Config{NoFail: &yes}, "error", false},
		{hadolint.Config{Formats: []string{"json", "codacy"}}, "error", false},
		{hadolint.Config{Formats: []string{"codeclimate"}}, "error", false},
		{hadolint.Config{Formats: []string{"gitlab_codeclimate"}}, "error", true},
	} {
		if got := tc.c.Fails(found(tc.severity)); got != tc.want {
			t.Errorf("%+v with %s: %v", tc.c, tc.severity, got)
		}
	}
	if (hadolint.Config{Threshold: "style"}).Fails([]hadolint.Result{{}}) {
		t.Error("nothing fails")
	}
}
