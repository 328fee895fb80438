package embedded_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/embedded"
	"github.com/whittle-oci/whittle/lint/source"
)

var compose = []string{"$", "$$"}

const file = `services:
  a:
    build:
      dockerfile_inline: |
        FROM debian:12
        RUN echo $$HOME && \

          make
      context: .
`

const text = "FROM debian:12\nRUN echo $HOME && \\\n\n  make\n"

func block() embedded.Block {
	return embedded.Block{First: 5, Last: 8, Indent: 8, Text: []byte(text), Escapes: compose}
}

func TestSpan(t *testing.T) {
	outer := source.NewFile("compose.yaml", []byte(file))
	in := embedded.In(outer, block())
	for part, want := range map[string]string{
		"debian:12":                 "debian:12",
		"debian:12\nRUN":            "debian:12\n        RUN",
		"echo":                      "echo",
		"&& \\":                     "&& \\",
		"make":                      "make",
		"make\n":                    "make",
		"echo $HOME && \\\n\n  mak": "echo $$HOME && \\\n\n          mak",
	} {
		at := strings.Index(text, part)
		s := in.Span(source.Span{Start: at, End: at + len(part)})
		if got := file[s.Start:s.End]; got != want {
			t.Errorf("%q: got %q, want %q", part, got, want)
		}
	}
	// Another number of lines: nobody knows which is which.
	b := block()
	b.Text = []byte("FROM a\n")
	s := embedded.In(outer, b).Span(source.Span{Start: 5, End: 6})
	if got := file[s.Start:s.End]; got != "FROM debian:12" {
		t.Errorf("got %q", got)
	}
}

func TestEdits(t *testing.T) {
	for _, eol := range []string{"\n", "\r\n"} {
		file := strings.ReplaceAll(file, "\n", eol)
		in := embedded.In(source.NewFile("compose.yaml", []byte(file)), block())
		for _, tc := range []struct{ old, with, want string }{
			{"debian:12", "debian:13", strings.Replace(file, "debian:12", "debian:13", 1)},
			{"debian:12\n", "debian:12\nENV A=$B\n", strings.Replace(file, "debian:12", "debian:12"+eol+"        ENV A=$$B", 1)},
			{"", "USER 1\n", strings.Replace(file, "make", "make"+eol+"        USER 1", 1)},
			{"make\n", "make all\n", strings.Replace(file, "make", "make all", 1)},
			{"echo", "printf", ""}, // of a line with a variable
		} {
			at := strings.Index(text, tc.old)
			if tc.old == "" {
				at = len(text)
			}
			got := ""
			if edits, ok := in.Edits([]source.Edit{{Span: source.Span{Start: at, End: at + len(tc.old)}, New: tc.with}}); ok {
				got = file[:edits[0].Span.Start] + edits[0].New + file[edits[0].Span.End:]
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("%q: %s", tc.old, d)
			}
		}
	}
}

func TestReplace(t *testing.T) {
	outer := source.NewFile("compose.yaml", []byte(file))
	apply := func(b embedded.Block, text string) string {
		e, ok := embedded.In(outer, b).Replace([]byte(text))
		if !ok {
			return ""
		}
		return file[:e.Span.Start] + e.New + file[e.Span.End:]
	}
	if d := cmp.Diff(file, apply(block(), text)); d != "" {
		t.Errorf("the same text: %s", d)
	}
	want := strings.Replace(file, "debian:12\n", "debian:12\n\n        USER $$X\n", 1)
	if d := cmp.Diff(want, apply(block(), "FROM debian:12\n\nUSER $X\n"+strings.TrimPrefix(text, "FROM debian:12\n"))); d != "" {
		t.Error(d)
	}
	filled := block()
	filled.Text = []byte(strings.Replace(text, "$HOME", "/root", 1))
	for name, got := range map[string]string{
		"a variable":      apply(filled, text),
		"an indented one": apply(block(), " "+text),
		"none":            apply(block(), ""),
	} {
		if got != "" {
			t.Errorf("%s: got %s", name, got)
		}
	}
}
