package decide_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/need/asbuilt"
	"github.com/whittle-oci/whittle/builder/need/java"
	"github.com/whittle-oci/whittle/builder/need/node"
	"github.com/whittle-oci/whittle/builder/need/perl"
	"github.com/whittle-oci/whittle/builder/need/php"
	"github.com/whittle-oci/whittle/builder/need/python"
	"github.com/whittle-oci/whittle/builder/need/ruby"
)

var update = flag.Bool("update", false, "write the tables of the code into the manual")

// TestManualIsCurrent holds the manual's tables to those of the code.
func TestManualIsCurrent(t *testing.T) {
	for _, m := range []struct{ file, name, table string }{
		{"build.md", "variables", decide.VariablesTable()},
		{"languages.md", "pruned", node.PrunedTable()},
		{"languages.md", "packages", node.PackagesTable()},
		{"languages.md", "python-pruned", python.Table()},
		{"languages.md", "python-packages", python.Dependencies()},
		{"languages.md", "java-pruned", java.Table()},
		{"languages.md", "java-libraries", java.Libraries()},
		{"languages.md", "as-built", asbuilt.Table()},
		{"languages.md", "php-pruned", php.Table()},
		{"languages.md", "php-packages", php.Dependencies()},
		{"languages.md", "perl-pruned", perl.Table()},
		{"languages.md", "ruby-pruned", ruby.Table()},
		{"languages.md", "ruby-packages", ruby.Dependencies()},
	} {
		file, open, end := "../../docs/"+m.file, "<!-- "+m.name+" -->\n", "<!-- /"+m.name+" -->"
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok := strings.Cut(string(page), open)
		have, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("the markers of %s are missing in docs/%s", m.name, m.file)
		}
		if have == m.table {
			continue
		}
		if !*update {
			t.Errorf("the table %s of docs/%s is not current; run make update", m.name, m.file)
			continue
		}
		if err := os.WriteFile(file, []byte(before+open+m.table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
