package format

import (
	"slices"
	"strings"
	"testing"
)

// The hashes are those that GitHub's upload-sarif action gives, by its own tests
// (github.com/github/codeql-action, src/fingerprints.test.ts), and by its code for
// the last two.
func TestLineHashes(t *testing.T) {
	greetings := []string{
		"e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1",
		"b3edc88f2938467e:1", "c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1",
	}
	for text, want := range map[string][]string{
		"":                   {"c129715d7a2bc9a3:1"},
		" a\nb\n  \t\tc\n d": {"271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"},
		" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n":             greetings,
		" hello; \t\rworld!!!\r\r\r  \t\tGreetings\r End\r":             greetings,
		" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n": greetings,
		strings.Repeat("Lorem ipsum dolor sit amet.\n", 10): {
			"a7f2ff13bc495cf2:1", "a7f2ff13bc495cf2:2", "a7f2ff13bc495cf2:3", "a7f2ff13bc495cf2:4", "a7f2ff13bc495cf2:5",
			"a7f2ff13bc495cf2:6", "a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1", "c129715d7a2bc9a3:1",
		},
		"a b\r \nc": {"3c200a954436a5c9:1", "1c206f60a702cfe8:1", "188ff2f224477a1e:1"},
		"FROM a\r\nRUN\té 😀 x\r\r\nRUN x\n\n\n  \nRUN x": {
			"97f00c5e09820b23:1", "a930e28f660210f4:1", "660f99a740cfffd3:1", "c8210f265eef6715:1",
			"fc47c312eea15b16:1", "7e3f0bb67e3197c4:1", "46fc8b5a3e0a5cea:1", "4a5ffe04f85edb68:1",
		},
	} {
		if got := lineHashes([]byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
