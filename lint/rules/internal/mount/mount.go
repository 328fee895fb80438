// Package mount turns a variable that holds a secret into a secret mount of the
// RUNs that use it, so that the secret is neither in the image nor in its
// history (docs.docker.com/build/building/secrets).
package mount

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

// A Finder makes fixes for the secrets of one file. It reads the file once.
type Finder struct {
	f        *dockerfile.File
	old      bool
	uses     map[string][]Use // by the name of the variable
	declared map[place]int    // how often a stage declares a variable
}

// A Use is a place that stands for the value of a variable.
type Use struct {
	In   dockerfile.Instruction
	Span source.Span // empty in a heredoc
}

type place struct {
	stage int
	name  string
}

// NewFinder reads a file.
func NewFinder(f *dockerfile.File) *Finder {
	x := &Finder{f: f, old: old(f), uses: map[string][]Use{}, declared: map[place]int{}}
	for _, in := range f.Instructions {
		text := in.Text.Text
		for name, at := range variables(text) {
			x.uses[name] = append(x.uses[name], Use{in, in.Text.Span(at[0], at[1])})
		}
		for _, d := range f.Heredocs(in) {
			for name := range variables(d.Content) {
				x.uses[name] = append(x.uses[name], Use{In: in})
			}
		}
		if in.Keyword == "arg" || in.Keyword == "env" {
			for _, p := range in.Pairs() {
				x.declared[place{in.Stage, p.Key}]++
			}
		}
	}
	return x
}

// variables goes over the values of variables in a text: $NAME, and ${NAME with
// what follows it up to the end of the name, or the brace behind it.
func variables(text string) func(yield func(name string, at [2]int) bool) {
	return func(yield func(name string, at [2]int) bool) {
		for at := 0; ; {
			i := strings.IndexByte(text[at:], '$')
			if i < 0 {
				return
			}
			start := at + i
			from := start + 1
			brace := strings.HasPrefix(text[from:], "{")
			if brace {
				from++
			}
			end := from
			for end < len(text) && inName(text[end]) {
				end++
			}
			name := text[from:end]
			if brace && strings.HasPrefix(text[end:], "}") {
				end++
			}
			if at = max(end, start+1); name != "" && !yield(name, [2]int{start, end}) {
				return
			}
		}
	}
}

// Uses lists where the values of a variable are, in the order of the file.
func (x *Finder) Uses(name string) []Use { return x.uses[name] }

// Secret is the fix that takes the i-th variable of an ARG or ENV away and
// mounts a secret of its name, as an environment variable, into every RUN of
// the stage that names it. It is nil where something else names it, too, or
// nothing does: a program that reads it by itself cannot be seen.
func (x *Finder) Secret(in dockerfile.Instruction, i int) *rule.Fix {
	key := in.Pairs()[i].Key
	uses := x.uses[key]
	if in.Stage < 0 || in.Trigger || !name(key) || x.old || len(uses) == 0 || x.declared[place{in.Stage, key}] > 1 {
		return nil
	}
	edits := edit.Pair(x.f, in, i)
	if edits == nil {
		return nil
	}
	last := -1
	for _, u := range uses {
		if u.In.Keyword != "run" || u.In.Stage != in.Stage || u.In.Index < in.Index || u.In.Trigger || mounted(u.In, key) {
			return nil
		}
		if u.In.Index == last {
			continue
		}
		last = u.In.Index
		edits = append(edits, withFlag(x.f, u.In, "--mount=type=secret,id="+key+",env="+key))
	}
	return &rule.Fix{Title: "Mount the secret " + key + " where it is used", Safety: rule.Unsafe, Edits: edits}
}

// withFlag puts a flag before what a RUN has, on a line of its own where the RUN
// goes over several or would be a long one.
func withFlag(f *dockerfile.File, in dockerfile.Instruction, flag string) source.Edit {
	at := source.Span{Start: in.KeywordSpan().End, End: in.KeywordSpan().End}
	line := f.Pos(at.Start).Line
	continued := bytes.HasSuffix(bytes.TrimRight(f.Line(line), " \t\r"), []byte(string(f.Escape)))
	if !continued && len(f.Line(line))+len(flag) < longLine {
		return source.Edit{Span: at, New: " " + flag}
	}
	for at.End < len(f.Bytes) && (f.Bytes[at.End] == ' ' || f.Bytes[at.End] == '\t') {
		at.End++
	}
	indent := walk.Indent(f, at.Start) + "    "
	if continued && line < f.Lines() {
		indent = walk.Indent(f, f.LineStart(line+1))
	}
	return source.Edit{Span: at, New: " " + flag + " " + string(f.Escape) + edit.NewLine(f) + indent}
}

// longLine is how long a line may become.
const longLine = 100

// mounted reports whether a RUN has a secret of that name already.
func mounted(in dockerfile.Instruction, key string) bool {
	for _, flag := range in.Flags() {
		if flag.Name != "mount" {
			continue
		}
		for _, field := range dockerfile.Fields(flag.Value) {
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
