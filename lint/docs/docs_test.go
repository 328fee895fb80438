package docs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/rules"
)

func TestPagesAreCurrent(t *testing.T) {
	for _, r := range docs.All(rules.All()) {
		name, want := docs.Render(r)
		got, err := docs.Pages.ReadFile(name)
		if err != nil {
			t.Errorf("%v; run make update", err)
			continue
		}
		if d := diff.Diff(name, got, "rule metadata", []byte(want)); d != nil {
			t.Errorf("%s\nrun make update", d)
		}
	}
	pages, err := docs.Pages.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) != len(docs.All(rules.All())) {
		t.Errorf("%d pages for %d rules; run make update and delete what is left over", len(pages), len(docs.All(rules.All())))
	}
}

// GitHub's code scanning takes no more than this of a rule
// (docs.github.com, SARIF support for code scanning).
func TestCodeScanning(t *testing.T) {
	for _, r := range docs.All(rules.All()) {
		if len(r.Name) > 255 || len(r.Summary) > 1024 || len(r.Why) > 1024 || len(r.Aliases)+2 > 20 {
			t.Errorf("%s: %d bytes of Why and %d aliases are more than code scanning takes", r.Name, len(r.Why), len(r.Aliases))
		}
	}
}

func TestNotHereIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../docs/rules-not-here.md")
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff("docs/rules-not-here.md", page, "elsewhere.go", []byte(docs.NotHere())); d != nil {
		t.Errorf("%s\nrun make update", d)
	}
}

func TestIndexIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff("docs/rules.md", page, "rules", []byte(docs.Index(docs.All(rules.All())))); d != nil {
		t.Errorf("%s\nrun make update", d)
	}
}

// TestIndex lists every rule once.
func TestIndex(t *testing.T) {
	page := docs.Index(docs.All(rules.All()))
	for _, r := range docs.All(rules.All()) {
		if n := strings.Count(page, "| ["+r.Name+"]("); n != 1 {
			t.Errorf("%s is listed %d times", r.Name, n)
		}
	}
}
