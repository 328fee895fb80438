// Package walk holds what rules look for alike: the commands of every RUN, the
// packages that a package manager is told to install.
package walk

import (
	"cmp"
	"iter"
	"sort"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// Commands goes over the commands of every RUN of a stage, in the order of the
// file.
func Commands(f *dockerfile.File) iter.Seq2[dockerfile.Instruction, dockerfile.Command] {
	return func(yield func(dockerfile.Instruction, dockerfile.Command) bool) {
		for _, in := range f.Instructions {
			if in.Stage < 0 {
				continue // an ONBUILD that no FROM stands before
			}
			for _, c := range f.Commands(in) {
				if !yield(in, c) {
					return
				}
			}
		}
	}
}

// A call is a command with the instruction that runs it, by their indexes.
type call struct{ instruction, command int }

// calls are the commands of a file by their names.
type calls map[string][]call

type callsKey struct{}

// Named goes over the commands with one of the names, in the order of the file.
func Named(f *dockerfile.File, names ...string) iter.Seq2[dockerfile.Instruction, dockerfile.Command] {
	index := f.Derived(callsKey{}, func() any {
		index := calls{}
		for _, in := range f.Instructions {
			if in.Stage < 0 {
				continue
			}
			for i := range f.Commands(in) {
				name := f.Commands(in)[i].Name
				index[name] = append(index[name], call{in.Index, i})
			}
		}
		return index
	}).(calls)
	var found []call
	for _, name := range names {
		found = append(found, index[name]...)
	}
	if len(names) > 1 {
		// Not slices.SortFunc, see image.Sort of the builder.
		sort.Slice(found, func(i, j int) bool {
			a, b := found[i], found[j]
			return cmp.Or(cmp.Compare(a.instruction, b.instruction), cmp.Compare(a.command, b.command)) < 0
		})
	}
	return func(yield func(dockerfile.Instruction, dockerfile.Command) bool) {
		for _, c := range found {
			if in := f.Instructions[c.instruction]; !yield(in, f.Commands(in)[c.command]) {
				return
			}
		}
	}
}

// Install reports whether a command installs packages with one of the named
// managers, and which words name them.
func Install(c dockerfile.Command, managers ...string) (packages []dockerfile.Arg, ok bool) {
	v, ok := Invoke(c, managers...)
	return v.Packages, ok && v.Is(Installs)
}

// KeyValue is one variable of ENV or ARG.
type KeyValue struct {
	Key, Value string
	HasValue   bool
	Arg        bool
}

// Variables lists what an ENV or ARG sets.
func Variables(in dockerfile.Instruction) []KeyValue {
	var out []KeyValue
	switch c := in.Command.(type) {
	case *instructions.EnvCommand:
		for _, kv := range c.Env {
			out = append(out, KeyValue{kv.Key, kv.Value, true, false})
		}
	case *instructions.ArgCommand:
		for _, kv := range c.Args {
			v := KeyValue{Key: kv.Key, Arg: true}
			if kv.Value != nil {
				v.Value, v.HasValue = *kv.Value, true
			}
			out = append(out, v)
		}
	}
	return out
}

// Image cuts an image reference into name, tag and digest.
func Image(ref string) (name, tag, digest string) {
	ref, digest, _ = strings.Cut(ref, "@")
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.Contains(ref[i:], "/") {
		return ref, "", digest
	}
	return ref[:i], ref[i+1:], digest
}

// Short is a reference for people to read: without a digest beside a tag, else
// with the beginning of it.
func Short(ref string) string {
	name, tag, digest := Image(ref)
	if tag != "" {
		return name + ":" + tag
	}
	if algorithm, hex, ok := strings.Cut(digest, ":"); ok && len(hex) > 12 {
		return name + "@" + algorithm + ":" + hex[:12] + "…"
	}
	return ref
}

// Bases goes over the stages whose base is an image, with its name.
func Bases(f *dockerfile.File) iter.Seq2[*dockerfile.Stage, string] {
	return func(yield func(*dockerfile.Stage, string) bool) {
		for i := range f.Stages {
			s := &f.Stages[i]
			name, known := f.BaseName(s)
			if !known || s.Parent >= 0 || name == "scratch" || name == "" {
				continue
			}
			if !yield(s, name) {
				return
			}
		}
	}
}

// BaseSpan is where a stage names its base.
func BaseSpan(f *dockerfile.File, s *dockerfile.Stage) source.Span {
	return f.Instructions[s.From].Words()[0].Span
}

// Froms lists what COPY --from and RUN --mount=from= take files from.
func Froms(in dockerfile.Instruction) []dockerfile.Word {
	var out []dockerfile.Word
	for _, flag := range in.Flags() {
		switch {
		case in.Keyword == "copy" && flag.Name == "from":
			out = append(out, dockerfile.Word{Text: flag.Value, Span: flag.ValueSpan})
		case in.Keyword == "run" && flag.Name == "mount":
			if from, _, ok := flag.MountField("from"); ok {
				out = append(out, dockerfile.Word{Text: from, Span: flag.ValueSpan})
			}
		}
	}
	return out
}

// RefSpan is where a word, or the body of a heredoc, names a variable, without
// the "$".
func RefSpan(f *dockerfile.File, w dockerfile.Word, name string) (source.Span, bool) {
	// The bytes of the file, since a word may go over several lines.
	text := string(f.Bytes[w.Span.Start:w.Span.End])
	refs := f.Refs
	if strings.Contains(w.Text, "\n") {
		refs = f.RefsInHeredoc
	}
	for ref := range refs(text) {
		if ref.Name == name {
			return source.Span{Start: w.Span.Start + ref.Start, End: w.Span.Start + ref.End}, true
		}
	}
	return w.Span, false
}

// After is the empty span behind another.
func After(s source.Span) source.Span { return source.Span{Start: s.End, End: s.End} }
