package decide_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
)

var update = flag.Bool("update", false, "write the list of build variables into docs/build.md")

// TestManualIsCurrent holds the manual's list of variables to the code.
func TestManualIsCurrent(t *testing.T) {
	const file, open, end = "../../docs/build.md", "<!-- variables -->\n", "<!-- /variables -->"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), open)
	have, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the markers of the variables are missing in docs/build.md")
	}
	if have == decide.VariablesTable() {
		return
	}
	if !*update {
		t.Fatal("docs/build.md's list of variables is not current; run make update")
	}
	if err := os.WriteFile(file, []byte(before+open+decide.VariablesTable()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
