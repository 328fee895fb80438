package cli

import (
	"os"
	"path/filepath"
	"testing"
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
