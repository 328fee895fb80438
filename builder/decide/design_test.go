package decide_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDesign compares docs/design.md with the code: the phases have their
// functions in the files that it names, in the order in which they are called,
// and every folder below builder/need is in its table.
func TestDesign(t *testing.T) {
	root := filepath.Join("..", "..")
	read := func(name string) string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	page, code := read("docs/design.md"), read("builder/decide/decide.go")
	row := regexp.MustCompile("(?m)^\\| ([1-8]) \\| `([a-z]+)` \\| `([^`]+)` \\|")
	phases, at := row.FindAllStringSubmatch(page, -1), 0
	if len(phases) != 8 {
		t.Fatalf("%d phases", len(phases))
	}
	for _, p := range phases {
		if !strings.Contains(read(p[3]), "\nfunc "+p[2]+"(") {
			t.Errorf("%s has no function %s", p[3], p[2])
		}
		call := strings.Index(code[at:], p[2]+"(ctx")
		if call < 0 || !strings.Contains(strings.SplitN(code[at+call:], "\n", 2)[0], "// "+p[1]) {
			t.Errorf("Decide does not call %s as phase %s", p[2], p[1])
			continue
		}
		at += call
	}
	folders, err := os.ReadDir(filepath.Join(root, "builder", "need"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.IsDir() && !strings.Contains(page, "| `builder/need/"+f.Name()+"` |") {
			t.Errorf("docs/design.md does not name builder/need/%s", f.Name())
		}
	}
	for _, m := range regexp.MustCompile("`(builder/[a-z/_.]+)`").FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
			t.Errorf("docs/design.md names %s: %v", m[1], err)
		}
	}
}
