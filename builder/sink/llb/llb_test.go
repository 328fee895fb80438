package llb

import (
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
)

// TestLiteral holds patterns to BuildKit's matcher: they match the name they
// are of, and no other.
func TestLiteral(t *testing.T) {
	names := []string{
		"a", "a b", " a", "a ", "*", "**", "?", "[a]", "a]", `\`, `\*`, "!a", "a!", "#a", "a.b", "a+b", "(a)", "a|b", "^a", "a$", "{a,b}", "new\nline", "\ttab", "(a)*", "a+*", "a.*", "{a}?", "ä", "a/b", "[x]?/*", "日本",
	}
	for _, name := range names {
		m, err := patternmatcher.New([]string{literal(name)})
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		for _, other := range append(names, "b", "aa", "ab") {
			got, err := m.MatchesOrParentMatches(other)
			if err != nil {
				t.Fatal(err)
			}
			if want := other == name || strings.HasPrefix(other, name+"/"); got != want {
				t.Errorf("the pattern %q of %q matches %q: %v", literal(name), name, other, got)
			}
		}
	}
}
