package lsp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/fix"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
)

// FuzzServe feeds a server whatever may come. It answers or passes over, and
// ends when its input does.
func FuzzServe(f *testing.F) {
	session := func(messages ...string) []byte {
		var b bytes.Buffer
		for _, m := range messages {
			fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(m), m)
		}
		return b.Bytes()
	}
	const hello = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}`
	const open = `{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"u","version":1,"text":"FROM a AS B\r\n# whittle ignore=x\nRUN é😀 sudo \\\n y"}}}`
	f.Add(session(hello, open, `{"jsonrpc":"2.0","id":2,"method":"textDocument/hover","params":{"textDocument":{"uri":"u"},"position":{"line":2,"character":9}}}`))
	f.Add(session(hello, open, `{"jsonrpc":"2.0","id":2,"method":"textDocument/completion","params":{"textDocument":{"uri":"u"},"position":{"line":1,"character":17}}}`))
	f.Add(session(hello, open, `{"jsonrpc":"2.0","id":2,"method":"textDocument/codeAction","params":{"textDocument":{"uri":"u"},"range":{"start":{"line":0,"character":0},"end":{"line":9,"character":9}}}}`))
	f.Add(session(hello, open, `{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"u","version":2},"contentChanges":[{"range":{"start":{"line":1,"character":4294967295},"end":{"line":0,"character":1}},"text":"\r"}]}}`, `{"jsonrpc":"2.0","id":3,"method":"shutdown"}`, `{"jsonrpc":"2.0","method":"exit"}`))
	f.Add([]byte("Content-Length: -1\r\n\r\n"))
	f.Add([]byte("Content-Length: 999999999999\r\n\r\n{"))
	f.Add([]byte("Content-Length: 2\n\n{}\r\nContent-Length: 4\r\n\r\nnull"))
	all := rules.All()
	cfg := Config{
		Page: func(rule.Meta) string { return "page" }, Find: func(string) (rule.Meta, bool) { return all[0].Meta, true }, Rules: []rule.Meta{all[0].Meta},
		Options: func(context.Context, string) (lint.Options, bool, error) { return lint.Options{Rules: all}, true, nil },
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		_ = Serve(t.Context(), bytes.NewReader(in), io.Discard, cfg)
	})
}

// FuzzPositions goes from bytes to positions and back.
func FuzzPositions(f *testing.F) {
	f.Add("a\r\né😀\rb\n", uint32(1), uint32(2))
	f.Fuzz(func(t *testing.T, s string, line, character uint32) {
		if !utf8.ValidString(s) {
			return // not what JSON can say
		}
		for _, units := range []encoding{utf8Units, utf16Units} {
			x := newText([]byte(s), units)
			off := x.offset(position{line, character})
			if off < 0 || off > len(s) || off < len(s) && !utf8.RuneStart(s[off]) {
				t.Fatalf("%s: offset %d of %q", units, off, s)
			}
			for i := range s {
				// Between \r and \n is no position.
				if i > 0 && s[i-1] == '\r' && s[i] == '\n' {
					continue
				}
				if got := x.offset(x.position(i)); got != i {
					t.Fatalf("%s: %d of %q comes back as %d", units, i, s, got)
				}
			}
		}
	})
}

// FuzzChanged makes one text of another by the edits between them.
func FuzzChanged(f *testing.F) {
	for _, c := range [][2]string{{"a\nb\nc\n", "a\nx\nc\n"}, {"a\nb", "a"}, {"a", "a\nb"}, {"", "a"}, {"a\n", ""}, {"a", "a\n"}, {"a\r\nb", "b\r\na\r\n"}, {"\\ No newline\n-a\n+b\n@@ -1\n", "-a\n+c\n@@ -9\n"}} {
		f.Add(c[0], c[1])
	}
	f.Add(strings.Repeat("x\ny\n", 20), strings.Repeat("x\nz\n", 20)+"y")
	f.Fuzz(func(t *testing.T, before, after string) {
		edits := changed([]byte(before), []byte(after))
		var sets []fix.Set
		if len(edits) > 0 {
			sets = append(sets, edits)
		}
		if got, _ := fix.Apply([]byte(before), sets); string(got) != after {
			t.Fatalf("%q to %q by %v gives %q", before, after, edits, got)
		}
	})
}
