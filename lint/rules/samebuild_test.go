package rules_test

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/internal/samebuild"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// TestSafeFixesKeepTheBuild applies every fix that is called safe to every case
// of every archive and compares what BuildKit would do before and after.
func TestSafeFixesKeepTheBuild(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join("..", "..", "testdata", "lint", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, path := range archives {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			if strings.HasSuffix(f.Name, ".want") || strings.HasSuffix(f.Name, ".fixed") || strings.HasSuffix(f.Name, ".settings") {
				continue
			}
			src := source.NewFile(filepath.Base(path)+":"+f.Name, f.Data)
			out, _, err := lint.Fix(t.Context(), src, lint.Options{Rules: rules.All()})
			if err != nil {
				t.Errorf("%s: %v", src.Name, err)
				continue
			}
			was, ok := build(t, src)
			if out == src || !ok {
				continue
			}
			changed++
			is, ok := build(t, out)
			if !ok {
				t.Errorf("%s: BuildKit took it before its safe fixes and does not take\n%s", src.Name, out.Bytes)
			} else if d := samebuild.Difference(was, is); d != "" {
				t.Errorf("%s: safe fixes changed the build: %s\n%s", src.Name, d, out.Bytes)
			}
		}
	}
	if changed == 0 {
		t.Error("no case was changed by a safe fix, so nothing was compared")
	}
}

// build converts a file. ok is false when BuildKit does not take it: some
// cases are defects that a build would stop at.
func build(t *testing.T, src *source.File) (b samebuild.Build, ok bool) {
	t.Helper()
	f, err := dockerfile.Parse(src)
	if err != nil {
		return b, false
	}
	b, err = samebuild.Convert(t.Context(), f)
	return b, err == nil
}
