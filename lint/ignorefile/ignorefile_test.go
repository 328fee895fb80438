package ignorefile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/whittle-oci/whittle/lint/source"
)

// context makes a directory with files.
func context(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCheck(t *testing.T) {
	dir := context(t, "web/node_modules/pad/index.js", "web/src/a.js", "dist/x", "deep/dist/y", ".git/config/node_modules")
	for name, tc := range map[string]struct{ text, want string }{
		"nothing wrong":                  {"# comment\n\n.git\n**/*.log\r\n  /dist/ \n*.md\n!README.md\nsrc/*.tmp\n!src/keep.tmp\n", ""},
		"a mark of the byte order":       {"\ufeff# comment\n.git\n", ""},
		"an exception without a name":    {".git\n!\n", "2 error ! stands alone"},
		"no pattern":                     {"a[\n", "1 error a[ is no pattern"},
		"another kind of file":           {"PK\x03\x00\n\xff\xfe\n../x\n", "1 warning this is no UTF-8 text,3 warning ../x lies outside"},
		"outside":                        {"../secrets\n!../x\n", "1 warning ../secrets lies outside,2 warning ../x lies outside"},
		"a comment behind":               {"node_modules # deps\n", "1 warning # begins a comment only"},
		"a place on a machine":           {`C:\work` + "\n", "1 warning C:\\work names a place"},
		"only further down":              {"node_modules\ndist\n", "1 warning node_modules means the root of the context alone"},
		"further down, left out":         {"node_modules\nweb\n", ""},
		"a path with a directory":        {"app/node_modules\n", ""},
		"nowhere":                        {"coverage\n.env\n", ""},
		"an exception of nothing":        {"dist\n!README.md\n", "2 warning no line above leaves README.md out"},
		"an exception that is undone":    {"*.md\n!README.md\n*\n", "2 warning * below leaves README.md out again"},
		"an exception within":            {"src/gen\n!src\n", ""},
		"an exception below a directory": {"docs\n!docs/api\n", ""},
		"an exception twice":             {"*\n!a\n!a/b\n", ""},
		"an exception with a pattern":    {"!*.md\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			src := source.NewFile(".dockerignore", []byte(tc.text))
			var got []string
			for _, d := range Check(src, dir) {
				got = append(got, fmt.Sprintf("%d %s %s", src.Pos(d.Span.Start).Line, d.Severity, d.Message))
			}
			want := strings.Split(tc.want, ",")
			if tc.want == "" {
				want = nil
			}
			if len(got) != len(want) {
				t.Fatalf("%q, want %q", got, want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("%q, want %q", got[i], want[i])
				}
			}
		})
	}
}

// FuzzCheck reads ignore files as BuildKit does, and says of a file that it is
// refused only where BuildKit refuses it.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"\ufeff# a\n!b\n/c/ \n", "!\n", "a[\n", "*\n!x\n*", "\r\n\x00", "! a", "//\n/", `a\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\r\x00") || len(text) > 1<<12 {
			return // a lone carriage return ends no line
		}
		src := source.NewFile(".dockerignore", []byte(text))
		theirs, err := ignorefile.ReadAll(strings.NewReader(text))
		if err != nil {
			return
		}
		var ours []string
		for _, l := range lines(src) {
			ours = append(ours, l.String())
		}
		if strings.Join(ours, "\n") != strings.Join(theirs, "\n") {
			t.Errorf("%q reads as %q, want %q", text, ours, theirs)
		}
		refused := false
		for _, d := range Check(src, "") {
			if d.Span.Start < 0 || d.Span.End > len(text) || d.Span.Start >= d.Span.End {
				t.Errorf("%q: %+v", text, d.Span)
			}
			refused = refused || d.Severity.String() == "error"
		}
		if _, err := patternmatcher.New(theirs); (err != nil) != refused {
			t.Errorf("%q: refused %v, BuildKit says %v", text, refused, err)
		}
	})
}
