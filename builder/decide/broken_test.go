package decide_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestBrokenELF refuses a program that is damaged, and keeps a file that is
// not run: test data may be broken on purpose.
func TestBrokenELF(t *testing.T) {
	cut := elftest.File{}.Bytes()[:60]
	base, built, changed := app()
	for _, tr := range []*tree.Memory{built, changed} {
		tr.File("/srv/cut", 0o755, cut)
	}
	_, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/srv/cut")})
	if want := "ENTRYPOINT: /srv/cut: broken ELF file: it ends before what its headers say; build or copy it once more"; !errors.As(err, new(*image.RefusedError)) || !strings.Contains(err.Error(), want) {
		t.Errorf("as the program: %v, want %q", err, want)
	}
	p, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/app")})
	if err != nil {
		t.Fatalf("beside the program: %v", err)
	}
	if !slices.Contains(show(p), "0755 0:0 /srv/cut") {
		t.Errorf("it is not kept: %q", show(p))
	}
	if !slices.ContainsFunc(p.Warnings, func(w image.Warning) bool {
		return strings.Contains(w.Message, "/srv/cut is kept and could not run: /srv/cut: broken ELF file")
	}) {
		t.Errorf("warnings %+v", p.Warnings)
	}
}
