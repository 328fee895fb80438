package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/engine/embedded"
)

// TestScripts says which ShellCheck lint has, and what to do without one.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if f := scripts(); f.OK || f.Says != "lint leaves RUN scripts to its own rules; install shellcheck" {
		t.Errorf("without a program: %+v", f)
	}
	program := filepath.Join(dir, "shellcheck")
	for version, want := range map[string]finding{
		"0.9.0": {"shellcheck", true, program + " 0.9.0: lint checks RUN scripts with it"},
		"0.6.0": {"shellcheck", false, program + " 0.6.0: shellcheck is too old; 0.7 or later is needed"},
	} {
		if err := os.WriteFile(program, []byte("#!/bin/sh\necho 'version: "+version+"'\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if f := scripts(); f != want {
			t.Errorf("with %s: %+v", version, f)
		}
	}
}

// TestChosen says that a machine other than Linux needs a builder, and how to
// name one.
func TestChosen(t *testing.T) {
	none := engine.Options{BuildxDir: t.TempDir()}
	for _, tc := range []struct {
		options   engine.Options
		available bool
		want      finding
	}{
		{none, true, finding{"builder", true, "embedded, as no builder is configured"}},
		{none, false, finding{"builder", false, "none, as no builder is configured, and the embedded engine needs Linux; " + nameBuilder}},
		{engine.Options{Builder: "default"}, false, finding{"builder", true, "default, as --builder names it"}},
		{engine.Options{Host: "tcp://127.0.0.1:1234"}, false, finding{"builder", true, "tcp://127.0.0.1:1234, as BUILDKIT_HOST is set"}},
	} {
		if got := chosen(tc.options, tc.available); got != tc.want {
			t.Errorf("%+v: %+v, want %+v", tc.options, got, tc.want)
		}
	}
}

// TestHintEngine names the way to a builder where the embedded one does not run.
func TestHintEngine(t *testing.T) {
	err := hintEngine(&engine.UnavailableError{Name: "in this program", Err: embedded.ErrNotLinux})
	if err.Error() != "the builder in this program: the embedded engine needs Linux" || hint(err) != nameBuilder {
		t.Errorf("%v; %s", err, hint(err))
	}
}
