package rules_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/lint")

// TestArchives runs every archive in testdata/lint. An archive is named after
// its rule and holds cases: NAME is a Dockerfile, NAME.want what is reported
// and NAME.fixed the text after every fix.
func TestArchives(t *testing.T) {
	for _, r := range rules.All() {
		t.Run(r.ID, func(t *testing.T) {
			path := filepath.Join("..", "..", "testdata", "lint", r.ID+".txtar")
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out := &txtar.Archive{Comment: ar.Comment}
			have := map[string][]byte{}
			for _, f := range ar.Files {
				have[f.Name] = f.Data
			}
			for _, f := range ar.Files {
				if strings.HasSuffix(f.Name, ".want") || strings.HasSuffix(f.Name, ".fixed") {
					continue
				}
				out.Files = append(out.Files, f)
				want, fixed := check(t, r, f.Name, f.Data)
				for _, g := range []txtar.File{{Name: f.Name + ".want", Data: want}, {Name: f.Name + ".fixed", Data: fixed}} {
					if len(g.Data) == 0 {
						continue
					}
					out.Files = append(out.Files, g)
					if d := diff.Diff(g.Name, have[g.Name], "got", g.Data); d != nil && !*update {
						t.Errorf("%s", d)
					}
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// check runs one rule over one file and holds it to what it declares.
func check(t *testing.T, r rule.Rule, name string, data []byte) (want, fixed []byte) {
	t.Helper()
	opts := lint.Options{Rules: []rule.Rule{r}, UnsafeFixes: true}
	src := source.NewFile(name, data)
	diags, err := lint.Run(t.Context(), src, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diags {
		if d.Span.Start < 0 || d.Span.End < d.Span.Start || d.Span.End > len(data) {
			t.Errorf("%s: span %v lies outside the file", name, d.Span)
		}
		if has := d.Fix != nil; r.Fixable == rule.Always && !has || r.Fixable == rule.Never && has {
			t.Errorf("%s: declared fixable %s, but a fix is present: %v", name, r.Fixable, has)
		}
	}
	var b strings.Builder
	if err := format.Text(&b, diags); err != nil {
		t.Fatal(err)
	}
	out, left, err := lint.Fix(t.Context(), src, opts)
	if err != nil {
		t.Fatal(err)
	}
	if r.Fixable == rule.Always && len(left) > 0 {
		t.Errorf("%s: %d diagnostics left after fixing", name, len(left))
	}
	if again, _, err := lint.Fix(t.Context(), out, opts); err != nil || again != out {
		t.Errorf("%s: fixing the fixed text changed it again (%v)", name, err)
	}
	if out == src {
		return []byte(b.String()), nil
	}
	return []byte(b.String()), out.Bytes
}

func TestExamples(t *testing.T) {
	for _, r := range rules.All() {
		for name, text := range map[string]string{"Bad": r.Bad, "Good": r.Good} {
			src := source.NewFile("Dockerfile", []byte(text))
			diags, err := lint.Run(t.Context(), src, lint.Options{Rules: []rule.Rule{r}})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := len(diags) > 0, name == "Bad"; got != want {
				t.Errorf("%s: %s example reported: %v, want %v", r.ID, name, got, want)
			}
		}
	}
}

// TestAllIsComplete finds the rules by reading the source, so that one left
// out of All cannot go unnoticed.
func TestAllIsComplete(t *testing.T) {
	names, err := filepath.Glob("df*.go")
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]bool{}
	for _, r := range rules.All() {
		in[strings.ToLower(r.ID)] = true
	}
	for _, name := range names {
		if id, _, _ := strings.Cut(name, "_"); !in[id] {
			t.Errorf("%s is not in All", name)
		}
	}
}
