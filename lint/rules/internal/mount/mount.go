// Package mount turns a variable that holds a secret into a secret mount of the
// RUNs that use it, so that the secret is neither in the image nor in its
// history (docs.docker.com/build/building/secrets).
package mount

import (
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/source"
)

// Secret is the fix that takes the i-th variable of an ARG or ENV away and
// mounts a secret of its name, as an environment variable, into every RUN of
// the stage that names it. It is nil where something else names it, too, or
// nothing does: a program that reads it by itself cannot be seen.
func Secret(f *dockerfile.File, in dockerfile.Instruction, i int) *rule.Fix {
	key := in.Pairs()[i].Key
	if in.Stage < 0 || in.Trigger || !name(key) || old(f) {
		return nil
	}
	edits := edit.Pair(f, in, i)
	if edits == nil {
		return nil
	}
	used := false
	for _, other := range f.Instructions {
		switch {
		case other.Index == in.Index:
			if len(Uses(in, key)) > 0 {
				return nil
			}
			continue
		case declares(other, key) && other.Stage == in.Stage:
			return nil
		}
		if !mentions(f, other, key) {
			continue
		}
		if other.Keyword != "run" || other.Stage != in.Stage || other.Index < in.Index || other.Trigger || mounted(other, key) {
			return nil
		}
		used = true
		at := other.KeywordSpan().End
		edits = append(edits, source.Edit{Span: source.Span{Start: at, End: at}, New: " --mount=type=secret,id=" + key + ",env=" + key})
	}
	if !used {
		return nil
	}
	return &rule.Fix{Title: "Mount the secret " + key + " where it is used", Safety: rule.Unsafe, Edits: edits}
}

// Uses gives the places in an instruction's text that stand for the value of a
// variable.
func Uses(in dockerfile.Instruction, key string) []source.Span {
	var out []source.Span
	text := in.Text.Text
	for at := 0; ; {
		i := strings.Index(text[at:], key)
		if i < 0 {
			return out
		}
		start := at + i
		at = start + len(key)
		if n := opening(text, start, at); n > 0 {
			end := at
			if n == 2 && end < len(text) && text[end] == '}' {
				end++
			}
			out = append(out, in.Text.Span(start-n, end))
		}
	}
}

// opening is how many characters before a name make its value of it: one for
// $NAME, two for ${NAME…, none when it is another word.
func opening(text string, start, end int) int {
	switch {
	case start >= 2 && text[start-2:start] == "${" && (end == len(text) || !inName(text[end])):
		return 2
	case start >= 1 && text[start-1] == '$' && (end == len(text) || !inName(text[end])):
		return 1
	}
	return 0
}

// mentions reports whether an instruction or its heredocs use a variable.
func mentions(f *dockerfile.File, in dockerfile.Instruction, key string) bool {
	if len(Uses(in, key)) > 0 {
		return true
	}
	return slices.ContainsFunc(f.Heredocs(in), func(d dockerfile.Heredoc) bool {
		for at := 0; ; {
			i := strings.Index(d.Content[at:], key)
			if i < 0 {
				return false
			}
			if start := at + i; opening(d.Content, start, start+len(key)) > 0 {
				return true
			}
			at += i + len(key)
		}
	})
}

func declares(in dockerfile.Instruction, key string) bool {
	return (in.Keyword == "arg" || in.Keyword == "env") && slices.ContainsFunc(in.Pairs(), func(p dockerfile.Pair) bool { return p.Key == key })
}

// mounted reports whether a RUN has a secret of that name already.
func mounted(in dockerfile.Instruction, key string) bool {
	for _, flag := range in.Flags() {
		if flag.Name != "mount" {
			continue
		}
		for field := range strings.SplitSeq(flag.Value, ",") {
			if field == "id="+key || field == "env="+key {
				return true
			}
		}
	}
	return false
}

// name reports whether text is the name of a shell variable.
func name(text string) bool {
	for i := range len(text) {
		if !inName(text[i]) || i == 0 && '0' <= text[0] && text[0] <= '9' {
			return false
		}
	}
	return text != ""
}

func inName(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// old reports whether the file asks for a frontend that knows no secrets in the
// environment: docker/dockerfile before 1.10.
func old(f *dockerfile.File) bool {
	ref, _, _, ok := parser.DetectSyntax(f.Bytes)
	if !ok {
		return false
	}
	ref, _, _ = strings.Cut(ref, "@")
	_, tag, _ := strings.Cut(ref[strings.LastIndexByte(ref, '/')+1:], ":")
	major, rest, more := strings.Cut(tag, ".")
	if _, err := strconv.Atoi(major); err != nil || !more {
		return major == "experimental"
	}
	rest, _, _ = strings.Cut(rest, "-")
	rest, _, _ = strings.Cut(rest, ".")
	minor, err := strconv.Atoi(rest)
	return major == "1" && err == nil && minor < 10
}
