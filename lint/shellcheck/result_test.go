package shellcheck

import (
	"encoding/json"
	"testing"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// FuzzDiagnostics holds whatever a program may print to the bytes of the file.
func FuzzDiagnostics(f *testing.F) {
	const found = `{"comments":[{"file":"-","line":2,"endLine":2,"column":9,"endColumn":11,"level":"info","code":2086,"message":"m","fix":{"replacements":[{"column":9,"endColumn":9,"endLine":2,"insertionPoint":"afterEnd","line":2,"precedence":7,"replacement":"\""},{"column":11,"endColumn":11,"endLine":2,"insertionPoint":"beforeStart","line":2,"precedence":7,"replacement":"\""}]}}]}`
	for _, text := range []string{
		"FROM a\nRUN ls $A\n", "FROM a\r\nRUN true && \\\r\n # c\r\n  ls é😀 $A", "FROM a\nARG A\nRUN <<-EOF\n\t#!/bin/sh\n\t# c\n\tls $A\n\tEOF\n",
		"FROM a\nRUN a \\\n # shellcheck disable=SC2086\n && ls $A\n", "FROM a\nRUN <<A cat <<B\nA\nB\n", "FROM a\nRUN <<A\n#!/bin/sh\nA\n",
	} {
		f.Add([]byte(text), []byte(found))
	}
	f.Add([]byte("FROM a\nRUN ls $A\n"), []byte(`{"comments":[{"line":-1,"endLine":99,"column":0,"endColumn":-3,"level":"none"}]}`))
	f.Fuzz(func(t *testing.T, text, said []byte) {
		file, err := dockerfile.Parse(source.NewFile("Dockerfile", text))
		if err != nil {
			return
		}
		r := reader{file, map[int]family{}}
		for _, in := range file.Instructions {
			shell, ok := file.Script(in)
			if !ok {
				continue
			}
			s, ok := r.script(in, shell, "0.10.0")
			if !ok {
				continue
			}
			results, err := decode(said, []script{s})
			if err != nil {
				return
			}
			for _, d := range s.diagnostics(results[s.key].comments) {
				if d.Span.Start < 0 || d.Span.End < d.Span.Start || d.Span.End > len(text) {
					t.Fatalf("span %v of %d bytes", d.Span, len(text))
				}
				if d.Fix == nil {
					continue
				}
				last := 0
				for _, e := range d.Fix.Edits {
					if e.Span.Start < last || e.Span.End < e.Span.Start || e.Span.End > len(text) {
						t.Fatalf("edits %v of %d bytes", d.Fix.Edits, len(text))
					}
					last = e.Span.End
				}
			}
		}
	})
}

// FuzzCache reads whatever may stand in a file of the cache.
func FuzzCache(f *testing.F) {
	f.Add([]byte("\n00112233445566778899aabbccddeeff [{\"line\":1,\"column\":1,\"level\":\"info\",\"code\":2086}]\n0011 [{"))
	f.Add([]byte("a\r\n b \n\n \x00"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, v := range parseShard(data) {
			var comments []comment
			_ = json.Unmarshal(v, &comments)
		}
	})
}

// TestCacheStaysSmall keeps what was put last.
func TestCacheStaysSmall(t *testing.T) {
	dir := t.TempDir()
	c := cache{dir: dir}
	of := func(i int) key { return key{7, byte(i >> 8), byte(i)} }
	const n = 2000
	for i := range n {
		c.put(of(i), []comment{{Line: i, Message: "some words that take room, as those of ShellCheck do"}})
		c.flush()
	}
	later := cache{dir: dir}
	if got, ok := later.get(of(n - 1)); !ok || got[0].Line != n-1 {
		t.Errorf("the last is %v, %v", got, ok)
	}
	if _, ok := later.get(of(0)); ok {
		t.Error("the first is still there")
	}
	if size := len(readShard(later.file(7))); size > maxShard+1000 {
		t.Errorf("%d bytes", size)
	}
}
