package source_test

import (
	"bytes"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/source"
)

// FuzzJoin checks the joined text against the parser that defines it, and
// every offset against the file it points into.
func FuzzJoin(f *testing.F) {
	for _, s := range []string{
		"FROM a\n",
		"FROM a\r\nRUN x \\\n # c\n\n y\n",
		"# escape=`\nFROM a\nRUN a `\n b\n",
		"FROM a\nRUN <<EOF\nx\nEOF\n",
		"\ufeffFROM a\nRUN a\\\n",
		"FROM a\nRUN \\\n\\\nfoo", "\ufeff\ufeffFROM a\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		res, err := parser.Parse(bytes.NewReader(b))
		if err != nil {
			t.Skip()
		}
		file := source.NewFile("Dockerfile", b)
		for _, n := range res.AST.Children {
			j := file.Join(n.StartLine, n.EndLine, res.EscapeToken)
			if j.Text != n.Original {
				t.Fatalf("lines %d to %d:\n got %q\nwant %q", n.StartLine, n.EndLine, j.Text, n.Original)
			}
			for i := range len(j.Text) {
				if got := b[j.Offset(i)]; got != j.Text[i] {
					t.Fatalf("offset %d of %q points at %q", i, j.Text, got)
				}
			}
		}
	})
}
