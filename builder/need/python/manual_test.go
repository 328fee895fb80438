package python_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/need/python"
)

var update = flag.Bool("update", false, "write the tables into docs/languages.md")

// TestManualIsCurrent holds the tables of the manual to those of the code.
func TestManualIsCurrent(t *testing.T) {
	const file = "../../../docs/languages.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for name, table := range map[string]string{"python-pruned": python.Table(), "python-packages": python.Dependencies()} {
		before, rest, ok := strings.Cut(page, "<!-- "+name+" -->\n")
		have, after, ok2 := strings.Cut(rest, "<!-- /"+name+" -->")
		if !ok || !ok2 {
			t.Fatalf("the markers of %s are missing in docs/languages.md", name)
		}
		if have != table && !*update {
			t.Errorf("the table %s of docs/languages.md is not current; run make update", name)
		}
		page = before + "<!-- " + name + " -->\n" + table + "<!-- /" + name + " -->" + after
	}
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
