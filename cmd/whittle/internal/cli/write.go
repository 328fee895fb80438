package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// replace writes the new text of a file that is there, whole or not at all,
// where a symbolic link leads to. Mode and owner stay, where the latter may be
// set. A file that nobody may write is not changed.
func replace(name string, data []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("writing %s: it is no regular file; give its text on standard input, as -", name)
	case info.Mode().Perm()&0o222 == 0:
		return fmt.Errorf("writing %s: it is read-only", name)
	}
	if err := staging.ReplaceFile(name, data); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// changes is what changes in a file, as patch -p1 and git apply read it; nothing
// where nothing does.
func changes(name string, before, after []byte) []byte {
	if here, err := os.Getwd(); err == nil && filepath.IsAbs(name) {
		if below, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(below) {
			name = below
		}
	}
	name = strings.TrimPrefix(filepath.ToSlash(name), "/")
	return diff.Diff("a/"+name, before, "b/"+name, after)
}
