package frontend

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of settings into docs/build.md")

// TestManualIsCurrent holds the manual's table of settings to the code.
func TestManualIsCurrent(t *testing.T) {
	const file, open, end = "../../docs/build.md", "<!-- settings -->\n", "<!-- /settings -->"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), open)
	have, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the markers of the settings are missing in docs/build.md")
	}
	if have == SettingsTable() {
		return
	}
	if !*update {
		t.Fatal("docs/build.md's table of settings is not current; run make update")
	}
	if err := os.WriteFile(file, []byte(before+open+SettingsTable()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
