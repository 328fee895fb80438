package format_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var update = flag.Bool("update", false, "write testdata/formats.txtar anew")

// diagnostics are of every severity and safety, of a rule of each kind, on
// lines with tabs, wide characters, CRLF and what a terminal takes for a
// command.
func diagnostics() []lint.Diagnostic {
	text := "FROM a\n\tRUN\techo 😀 <é> | \"b\"\r\nRUN c \\\n  d\nRUN \x1b[31m" + strings.Repeat("x", 20) + "\nRUN " + strings.Repeat("y", 300) + "\nRUN " + strings.Repeat("é", 80) + "<here>" + strings.Repeat("z", 300) + "\n"
	f := source.NewFile("./dir/a #1/Dockerfile", []byte(text))
	at := func(m *rule.Meta, severity rule.Severity, word, message string, fix *rule.Fix) lint.Diagnostic {
		i := strings.Index(text, word)
		return lint.Diagnostic{Rule: m, Severity: severity, File: f, Finding: rule.Finding{Span: source.Span{Start: i, End: i + len(word)}, Message: message, Fix: fix}}
	}
	replace := func(safety rule.Safety, word, with string) *rule.Fix {
		i := strings.Index(text, word)
		return &rule.Fix{Title: "Write " + with, Safety: safety, Edits: []source.Edit{{Span: source.Span{Start: i, End: i + len(word)}, New: with}, {Span: source.Span{Start: 4, End: 4}, New: " "}}}
	}
	ours := &rule.Meta{Name: "a-root", Aliases: []string{"DL1"}, Family: rule.Root, Summary: "sum | mary", Why: "Why *so*.", Bad: "FROM a\n", Good: "FROM b\n", Severity: rule.Error}
	theirs := &rule.Meta{Name: "Theirs", Family: rule.Hygiene, Summary: "s", Why: "w", URL: "https://example.com/Theirs", Severity: rule.Warning}
	own := &rule.Meta{Name: "acme-own", Family: rule.Own, Summary: "s", Why: "w", Severity: rule.Info}
	fat := &rule.Meta{Name: "a-fat", Family: rule.Fat, Summary: "s", Why: "w", Severity: rule.Style}
	other := source.NewFile("b", []byte("\n"))
	return []lint.Diagnostic{
		at(ours, rule.Error, "FROM", `say "<a>" & |b|`, nil),
		at(theirs, rule.Warning, "<é>", "100%: one\ntwo", replace(rule.Unsafe, "😀", "\"😀\"")),
		at(own, rule.Info, "c \\\n  d", "over lines", replace(rule.Safe, "c", "e")),
		at(fat, rule.Style, "xxx", "a command", replace(rule.Suggestion, "xxx", "z")),
		at(ours, rule.Warning, "yyy", "a long line", nil),
		at(ours, rule.Warning, "<here>", "far into a long line", nil),
		{Rule: ours, Severity: rule.Error, File: other, Finding: rule.Finding{Message: "nothing there"}},
	}
}

func write(t *testing.T, name string, diags []lint.Diagnostic) []byte {
	t.Helper()
	w, err := format.Named(strings.TrimSuffix(name, " colour"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := w(&b, diags, format.Options{Version: "1.2.3", Hints: true, Color: strings.HasSuffix(name, " colour")}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The formats are those of the archive. A NUL is written as \0 there, an escape
// as \e, a return as \r, and a newline ends every file.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "formats.txtar")
	archive, err := txtar.ParseFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range archive.Files {
		want[f.Name] = string(f.Data)
	}
	fresh := &txtar.Archive{Comment: []byte("The findings of format_test.go in every format.\n")}
	for _, name := range append(format.Names(), "text colour") {
		got := strings.NewReplacer("\x00", `\0`, "\x1b", `\e`, "\r", `\r`).Replace(string(write(t, name, diagnostics())))
		if !strings.HasSuffix(got, "\n") {
			got += "\n"
		}
		fresh.Files = append(fresh.Files, txtar.File{Name: name, Data: []byte(got)})
		if d := cmp.Diff(want[name], got); d != "" && !*update {
			t.Errorf("%s: %s", name, d)
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// SARIF is what its schema says, with findings and without.
func TestSARIFSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join("..", "..", "testdata", "schemas", "sarif-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, diags := range [][]lint.Diagnostic{diagnostics(), nil} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(write(t, "sarif", diags)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Error(err)
		}
	}
	if err := schema.Validate(map[string]any{"version": "2.1.0"}); err == nil {
		t.Error("the schema takes anything")
	}
}

// What is meant for parsers parses, findings or none.
func TestParses(t *testing.T) {
	for _, diags := range [][]lint.Diagnostic{diagnostics(), nil} {
		for _, name := range []string{"json", "sarif", "gitlab", "sonarqube"} {
			if b := write(t, name, diags); !json.Valid(b) {
				t.Errorf("%s: %s", name, b)
			}
		}
		for part := range bytes.SplitSeq(bytes.TrimSuffix(write(t, "codeclimate", diags), []byte{0}), []byte{0}) {
			if len(part) > 0 && !json.Valid(part) {
				t.Errorf("codeclimate: %s", part)
			}
		}
		for _, name := range []string{"checkstyle", "junit"} {
			dec := xml.NewDecoder(bytes.NewReader(write(t, name, diags)))
			for {
				if _, err := dec.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Errorf("%s: %v", name, err)
					break
				}
			}
		}
	}
}

// Services know files by their names from the directory of the run; people and
// editors by those that they gave.
func TestPaths(t *testing.T) {
	m := &rule.Meta{Name: "a-root", Family: rule.Root, Severity: rule.Error}
	for name, want := range map[string][]string{ // SARIF, GitHub, GNU
		"/repo/a b/Dockerfile": {`"uri": "a%20b/Dockerfile",` + "\n" + `                  "uriBaseId": "%SRCROOT%"`, "file=a b/Dockerfile,", "/repo/a b/Dockerfile:1:1:"},
		"/else/é,1/Dockerfile": {`"uri": "file:///else/%C3%A9,1/Dockerfile"` + "\n", "file=/else/é%2C1/Dockerfile,", "/else/é,1/Dockerfile:1:1:"},
		"./a:b/Dockerfile":     {`"uri": "a%3Ab/Dockerfile",` + "\n" + `                  "uriBaseId": "%SRCROOT%"`, "file=a%3Ab/Dockerfile,", "./a:b/Dockerfile:1:1:"},
		"a\x1b\n::x":           {`"uri": "a%1B%0A%3A%3Ax"`, "file=a\x1b%0A%3A%3Ax,", "a  ::x:1:1:"},
	} {
		diags := []lint.Diagnostic{{Rule: m, Severity: rule.Error, File: source.NewFile(name, []byte("FROM a\n")), Finding: rule.Finding{Message: "m"}}}
		for i, f := range []string{"sarif", "github", "gnu"} {
			w, err := format.Named(f)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := w(&b, diags, format.Options{Dir: "/repo"}); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), want[i]) {
				t.Errorf("%q as %s has no %s:\n%s", name, f, want[i], b.String())
			}
		}
	}
}

func TestNamed(t *testing.T) {
	if _, err := format.Named("xml"); err == nil || !strings.Contains(err.Error(), "none of text, json, sarif, github, gitlab") {
		t.Error(err)
	}
}

// Annotations, regions and ranges count UTF-16 code units where they must.
func TestColumns(t *testing.T) {
	var report struct {
		Runs []struct {
			Results []struct {
				Locations []struct {
					Physical struct {
						Region struct{ StartLine, StartColumn, EndColumn int } `json:"region"`
					} `json:"physicalLocation"`
				} `json:"locations"`
			} `json:"results"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(write(t, "sarif", diagnostics()), &report); err != nil {
		t.Fatal(err)
	}
	// \tRUN\techo 😀 <é>: the emoji is two units, the é one.
	if r := report.Runs[0].Results[1].Locations[0].Physical.Region; r.StartLine != 2 || r.StartColumn != 14 || r.EndColumn != 17 {
		t.Errorf("%+v", r)
	}
}
