package dockerfile_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// FuzzParse holds the words, flags, pairs and heredocs of every instruction,
// and their places in the file, to what BuildKit's parser makes of the text.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"FROM a\n", "", "ARG A=1 B\nFROM --platform=$A a:$B AS c\n", "LABEL a=b\nFROM c\nBAD\nworse\nRUN x\n",
		"FROM a\nCOPY --from=b --chown='1:2' [\"a b\", \"c\\\"d\"] /e\nCOPY <<A <<-\"B\" /f\nx\nA\n\ty\n\tB\n",
		"# escape=`\nFROM a\nENV A=\"b `\nc\" D='e f' G=h` i\nENV old  value with blanks `\nLABEL x=\"\"\n",
		"FROM a\nONBUILD RUN --mount=type=cache,target=/c <<E sh\nb\nE\nonbuild onbuild run x\nHEALTHCHECK --retries=2 CMD [\"a\"]\n",
		"FROM a\r\nEXPOSE 80/tcp  443 \\\r\n # c\r\n 22\r\nVOLUME [ \"/a\" ]\r\nCMD\r\nUSER a b \r\n",
		"FROM a\n# check=skip=all\nMAINTAINER b\n", "FROM a\n\\\n RUN --mount=type=cache,target=/c x\n", "\ufeffFROM a\nRUN --a=\\\n --b=\"c d\" -- e\nENV A=b\\",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := dockerfile.Parse(source.NewFile("Dockerfile", b))
		if err != nil {
			if _, ok := errors.AsType[*dockerfile.SyntaxError](err); !ok {
				t.Fatalf("error %T: %v", err, err)
			}
			return
		}
		res, err := parser.Parse(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("parsed what BuildKit does not: %v", err)
		}
		stages, _, err := instructions.Parse(res.AST, linter.New(&linter.Config{}))
		// A frontend of its own may know what BuildKit does not.
		if _, _, _, own := parser.DetectSyntax(b); !own && (err != nil) != (len(file.Problems) > 0) || err == nil && len(stages) != len(file.Stages) {
			t.Fatalf("%d problems and %d stages, BuildKit: %d and %v", len(file.Problems), len(file.Stages), len(stages), err)
		}
		for _, in := range file.Instructions {
			same(t, file, in)
		}
	})
}

func same(t *testing.T, f *dockerfile.File, in dockerfile.Instruction) {
	t.Helper()
	var flags, theirs, words, want []string
	for _, fl := range in.Flags() {
		flags = append(flags, fl.Name, fl.Value)
		inside(t, f, fl.Span, fl.ValueSpan)
	}
	for _, text := range in.Node.Flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(text, "--"), "=")
		theirs = append(theirs, name, value)
	}
	if !slices.Equal(flags, theirs) {
		t.Fatalf("flags of %q are %q, BuildKit: %q", in.Text.Text, flags, theirs)
	}
	for _, w := range in.Words() {
		words = append(words, valid(w.Text))
		inside(t, f, w.Span)
	}
	if pairs := in.Pairs(); in.Keyword == "env" || in.Keyword == "label" {
		words = nil
		for _, p := range pairs {
			separator := "="
			if p.Legacy {
				separator = ""
			}
			words = append(words, valid(p.Key), valid(p.Value), separator)
			inside(t, f, p.Span, p.KeySpan, p.ValueSpan)
		}
	}
	for n := in.Node.Next; n != nil && len(n.Children) == 0; n = n.Next {
		want = append(want, valid(n.Value))
	}
	if taken(in) && !slices.Equal(words, want) {
		t.Fatalf("words of %q are %q, BuildKit: %q", in.Text.Text, words, want)
	}
	docs := f.Heredocs(in)
	for i, d := range docs {
		if body := string(f.Bytes[d.Body.Start:d.Body.End]); body != in.Node.Heredocs[i].Content {
			t.Fatalf("heredoc of %q is %q, BuildKit: %q", in.Text.Text, body, in.Node.Heredocs[i].Content)
		}
		if end := strings.TrimLeft(string(f.Bytes[d.End.Start:d.End.End]), "\t"); end != d.Name {
			t.Fatalf("heredoc %q of %q ends with %q", d.Name, in.Text.Text, end)
		}
	}
}

// taken reports whether BuildKit takes the instruction. What it makes of the
// words of others does not matter.
func taken(in dockerfile.Instruction) bool {
	return in.Keyword == "from" || in.Keyword != "onbuild" && in.Command != nil
}

// valid is a text as BuildKit's parser copies it, rune by rune.
func valid(s string) string { return string([]rune(s)) }

func inside(t *testing.T, f *dockerfile.File, spans ...source.Span) {
	t.Helper()
	for _, s := range spans {
		if s.Start < 0 || s.End < s.Start || s.End > len(f.Bytes) {
			t.Fatalf("the span %v lies outside the file", s)
		}
	}
}
