package decide_test

import (
	"go/ast"
	"go/parser"
	"go/token"
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

// maxFields is how many fields a type of the decision may have: one with more
// is several, or state that phases share.
const maxFields = 12

// TestFields counts the fields of the types of both packages, need and decide.
func TestFields(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../need/*.go")
	if err != nil || len(more) == 0 {
		t.Fatalf("%d files, %v", len(more), err)
	}
	for _, name := range append(files, more...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok && s.Fields.NumFields() > maxFields {
				t.Errorf("%s: %s has %d fields", name, spec.Name.Name, s.Fields.NumFields())
			}
			return true
		})
	}
}
