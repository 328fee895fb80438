package docs_test

import (
	"testing"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/rules"
)

func TestPagesAreCurrent(t *testing.T) {
	for _, r := range rules.All() {
		name, want := docs.Page(r.Meta)
		got, err := docs.Pages.ReadFile(name)
		if err != nil {
			t.Errorf("%v; run go generate ./lint/...", err)
			continue
		}
		if d := diff.Diff(name, got, "rule metadata", []byte(want)); d != nil {
			t.Errorf("%s\nrun go generate ./lint/...", d)
		}
	}
}
